"""docs/programs.md: its program runs, and its numbers are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bitboot_core._swarms import sights, watch
from bitboot_core.aio import timing

PAGE = (Path(__file__).parents[2] / "docs" / "programs.md").read_text(encoding="utf-8")


def test_its_program_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(program, "programs.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == "joined 127.0.0.1:6881\n"


@pytest.mark.parametrize(
    "words",
    [
        f"at least {sights.MISSES} scans in a row and for at least {sights.GONE_AFTER / 60:g} minutes",
        f"every {timing.QUICK_SCAN:g} seconds at first",
        f"every {timing.SLOW_SCAN / 60:g} minutes while it is quiet",
        f"every {timing.DOUBTFUL_SCAN:g} seconds while somebody is missing",
        f"at most {watch.MAX_EVENTS} events",
        f"renewed at {timing.RENEW_BETWEEN[0]:g} to {timing.RENEW_BETWEEN[1]:g} of the lifetime",
    ],
)
def test_its_numbers_are_right(words: str) -> None:
    assert words in " ".join(PAGE.split())
