"""docs/performance.md shows the rows that were measured last."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_page_shows_the_rows_that_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(ROOT)
    report = importlib.import_module("benchmarks.performance.report")
    rows = report.kept(ROOT / "docs" / "performance.json")
    before = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    page = tmp_path / "performance.md"
    page.write_text(before, encoding="utf-8")
    report.write_page(page, rows)
    assert page.read_text(encoding="utf-8") == before
    assert rows
    assert all(row.measured for row in rows)
