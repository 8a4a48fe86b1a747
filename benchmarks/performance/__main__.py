"""Run the benchmarks and say what came of them: a table, JSON, and docs/performance.md with its figure."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import importlib
import json
import platform
import sys
from pathlib import Path

from .report import write_page
from .rows import Row

ROOMS = ("lookups", "native", "answers", "joining", "memory", "startup", "core", "growth", "kademlia")
DOCS = Path(__file__).parents[2] / "docs"
RESULTS = DOCS / "performance.json"


def main() -> int:
    """Measure, print, write; 0 even where a goal is missed: this is no test."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance", description=__doc__)
    parser.add_argument("rooms", nargs="*", metavar="ROOM", help=f"of {', '.join(ROOMS)}; all unless given")
    parser.add_argument("--write", action="store_true", help="write docs/performance.json, .md and .svg")
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
        machine = f"CPython {platform.python_version()} on {platform.system()} {platform.machine()}"
        document = {"machine": machine, "rows": [dataclasses.asdict(row) for row in rows]}
        RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        write_page(DOCS, machine, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
