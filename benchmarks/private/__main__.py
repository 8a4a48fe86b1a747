"""What private swarms cost, and whether outsiders get anything out of a member.

    python -m benchmarks.private probes [--count N]
    python -m benchmarks.private flood [--seconds S]
    python -m benchmarks.private members [--count N] [--at middle|beginning|end]

probes: a member is asked N things (1,000,000 unless told otherwise) by whoever does not know the secret.
Prints how many were answered; 1 where any was.

flood: 10,000 first messages a second that open under no key, from everywhere. Prints the CPU time of a second
of them; 1 where it is a third of a core or more.

members: N programs (200), half of them in each of two processes, are on a mainline network on loopback,
together with 16 nodes that were there before. Once all are in touch with it, and have been for a minute and
a quarter (by then upkeep has filled their routing tables; `--settle S` says otherwise), all join one swarm at
the same moment. Prints how long it takes from that moment until the last program has been told of the last
member, who has proved itself to it (of each pair both), the CPU time of that, and how long the programs
took to get in touch before; 1 where it is more than 20 s. The figures are those of Python with its garbage
collector off. What the benchmark does itself meanwhile is to read these events, and to run the contacts.
The secret says when an epoch begins: at its beginning and its end, an eighth of the time each, lookups read
two keys, at its end members announce under both. Which it was is printed; `--at` chooses.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from .members import members
from .outsiders import FLOOD, flood, probes

PROBES, MEMBERS = 1_000_000, 200
WITHIN = 20.0
SETTLE = 75.0


def main() -> int:
    """Measure, print, judge."""
    description, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.private",
        description=description,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="what", required=True)
    asking = commands.add_parser("probes", help="whether outsiders are answered")
    asking.add_argument("--count", type=int, default=PROBES, help="how many probes")
    flooding = commands.add_parser("flood", help="what first messages that open under no key cost")
    flooding.add_argument("--seconds", type=float, default=5.0, help="of messages")
    joining = commands.add_parser("members", help="how long until all have proved themselves to all")
    joining.add_argument("--count", type=int, default=MEMBERS, help="how many members")
    joining.add_argument("--settle", type=float, default=SETTLE, help="seconds before they join")
    joining.add_argument("--at", choices=["middle", "beginning", "end"], help="where in an epoch")
    given = parser.parse_args()
    if given.what == "probes":
        answered = probes(given.count)
        print(f"{given.count} probes without the secret: {answered} answered")
        return int(answered > 0)
    if given.what == "flood":
        cost = flood(given.seconds)
        print(f"a second of {FLOOD} first messages that open under no key: {cost:.3f} s of CPU")
        return int(cost >= 1 / 3)
    took = asyncio.run(members(given.count, given.settle, given.at))
    print(f"{given.count} members: all proved to all in {took:.1f} s")
    return int(took > WITHIN)


if __name__ == "__main__":
    sys.exit(main())
