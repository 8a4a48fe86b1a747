"""Attacks on the kademlia plugin.

    python -m benchmarks.attacks [surround] [reflect] [keys] [stores] [healing]

All of them unless some are named. They run in a network namespace of their own (Linux: `unshare`), whose
loopback has public addresses, since nodes make no difference between the programs of one machine.
"""

from __future__ import annotations

import asyncio
import logging
import sys

from . import healing, keys, reflect, stores, surround
from .namespace import enter

ATTACKS = {
    "surround": surround.run,
    "reflect": reflect.run,
    "keys": keys.run,
    "stores": stores.run,
    "healing": healing.run,
}


def main() -> None:
    """Run what was asked for."""
    names = sys.argv[1:] or list(ATTACKS)
    if unknown := set(names) - set(ATTACKS):
        sys.exit(f"no such attack: {', '.join(sorted(unknown))}; there are {', '.join(ATTACKS)}")
    enter()
    logging.disable(logging.CRITICAL)
    for name in names:
        print(f"\n{name}", flush=True)
        asyncio.run(ATTACKS[name]())


if __name__ == "__main__":
    main()
