"""Run the benchmarks and say what came of them: a table, JSON, and docs/performance.md with its figure."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import datetime
import importlib
import platform
import sys
from pathlib import Path

from .report import draw, keep, kept, write_page
from .rows import Row

ROOMS = ("lookups", "native", "answers", "joining", "memory", "startup", "core", "growth", "kademlia")
DOCS = Path(__file__).parents[2] / "docs"
RESULTS = DOCS / "performance.json"


def main() -> int:
    """Measure, print, write; 0 even where a goal is missed: this is no test."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance", description=__doc__)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"of {', '.join(ROOMS)}; all unless given")
    parser.add_argument("--write", action="store_true", help="put the rows into docs/performance.md")
    arguments = parser.parse_args()
    unknown = set(arguments.rooms) - set(ROOMS)
    if unknown:
        parser.error(f"no such room: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    for room in arguments.rooms or ROOMS:
        print(f"{room} ...", file=sys.stderr, flush=True)
        measured = asyncio.run(importlib.import_module(f"{__package__}.{room}").run())
        for row in measured:
            verdict = "reached" if row.reached else "MISSED"
            print(f"{row.number:>6}  {row.title}: {row.ours} | {row.peer}: {row.theirs}")
            print(f"{row.ratio:>14.3g} {verdict}")
        rows += measured
    if arguments.write:
        _write(rows)
    return 0


def _write(rows: list[Row]) -> None:
    """Put them in the place of those that the same commands measured earlier; the others are kept."""
    today = datetime.datetime.now(datetime.UTC).date()
    measured = f"{today}, CPython {platform.python_version()} on {platform.system()} {platform.machine()}"
    new = [dataclasses.replace(row, measured=measured) for row in rows]
    again = {row.command for row in new}
    every = [*new, *(row for row in kept(RESULTS) if row.command not in again)]
    every.sort(key=lambda row: ROOMS.index(row.command.split()[-1]))
    keep(every, RESULTS)
    write_page(DOCS / "performance.md", every)
    draw(DOCS / "performance.svg", every)


if __name__ == "__main__":
    sys.exit(main())
