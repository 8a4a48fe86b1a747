"""Every experiment of benchmarks/simulation runs, and what must hold does on a small network too."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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


@pytest.mark.slow
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_it_runs_and_what_must_hold_does(experiment: str) -> None:
    command = [sys.executable, "-m", "benchmarks.simulation", experiment, "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{experiment}: ")


def test_the_page_shows_the_results_that_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(ROOT)
    report = importlib.import_module("benchmarks.simulation.report")
    main = importlib.import_module("benchmarks.simulation.__main__")
    assert main.EXPERIMENTS == EXPERIMENTS
    docs = ROOT / "docs"
    results = report.kept(docs / "simulation", EXPERIMENTS)
    before = (docs / "simulation.md").read_text(encoding="utf-8")
    page = tmp_path / "simulation.md"
    page.write_text(before, encoding="utf-8")
    report.write_page(page, results)
    assert page.read_text(encoding="utf-8") == before
    for result in results:
        assert (docs / "simulation" / f"{result.name}.svg").exists()
        assert all(check.holds for check in result.checks)
