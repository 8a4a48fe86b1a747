"""Run the experiments, print their tables, and keep the results in docs/; 1 where a requirement fails."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import sys

from .report import DOCS, keep, kept, shown, write_page
from .result import Result
from .side_by_side import collect_rarely, cpu_seconds

EXPERIMENTS = (
    "scale",
    "nodes",
    "small",
    "loss",
    "dead",
    "half",
    "churn",
    "partition",
    "comeback",
    "attack",
    "silent",
    "large-swarms",
    "liars",
    "fakes",
    "live",
)


def run(name: str, *, quick: bool) -> Result:
    """Run one experiment."""
    started = cpu_seconds()
    result: Result = importlib.import_module(f"{__package__}.{name.replace('-', '_')}").run(quick=quick)
    return dataclasses.replace(result, cpu_seconds=cpu_seconds() - started)


def main() -> int:
    """Run, print, write; 1 where something that must hold does not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulation", description=__doc__)
    parser.add_argument(
        "experiments", nargs="*", metavar="EXPERIMENT", help=f"of {', '.join(EXPERIMENTS)}; all unless given"
    )
    parser.add_argument("--quick", action="store_true", help="small networks, to see that it runs")
    parser.add_argument("--write", action="store_true", help="keep the results in docs/simulation")
    arguments = parser.parse_args()
    unknown = set(arguments.experiments) - set(EXPERIMENTS)
    if unknown:
        parser.error(f"no such experiment: {', '.join(sorted(unknown))}")
    if arguments.write and arguments.quick:
        parser.error("what a quick run finds is not kept")
    collect_rarely()
    holds = True
    for name in arguments.experiments or EXPERIMENTS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        result = run(name, quick=arguments.quick)
        print(shown(result), flush=True)
        holds = holds and all(check.holds for check in result.checks)
        if arguments.write:
            keep(result, DOCS / "simulation")
            write_page(DOCS / "simulation.md", kept(DOCS / "simulation", EXPERIMENTS))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
