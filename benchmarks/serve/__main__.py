"""Run the parts that are asked for; 1 where something required is missed."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys

from . import __doc__ as about

PARTS = ("idle", "lookups", "command", "watches")


def main() -> int:
    """Run them one after another."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serve",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all unless given")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--lookups", type=int, default=100)
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    held = True
    for part in options.parts or PARTS:
        measured = importlib.import_module(f"{__package__}.{part}").run(options)
        held = asyncio.run(measured) and held
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
