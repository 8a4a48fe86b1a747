"""The README's first command, in a copy of the tree as a fresh clone would have it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from .conftest import ROOT, run


def fresh_copy(folder: Path) -> Path:
    """A copy of the sources, without anything that was made here."""
    ignored = shutil.ignore_patterns(".*", "__pycache__", "dist", "build", "*.egg-info")
    return Path(shutil.copytree(ROOT, folder / "bitboot", ignore=ignored))


def test_it_does_all_its_set_up(tmp_path: Path) -> None:
    tree = fresh_copy(tmp_path)
    out = run(sys.executable, tree / "scripts" / "demo.py", "--json", cwd=tmp_path)
    events = [json.loads(line) for line in out.splitlines()]
    assert events[-1]["event"] == "done"
    assert events[-1]["peers"] == 5
