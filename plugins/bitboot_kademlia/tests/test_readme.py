"""The README's program runs as it stands, and its numbers are right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.values import SLOT_BYTES

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_program_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BITBOOT_STATE_DIR", str(tmp_path))
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == "192.0.2.7:6881\n0 after it was withdrawn\n"


def test_the_numbers_are_right() -> None:
    settings = Settings()
    for words in (
        f"up to {settings.max_lifetime / 3600:.0f} hours",
        f"the {settings.k} nodes closest",
        f"({settings.max_value_slots} of them, {settings.max_value_slots * SLOT_BYTES >> 20} MiB in all)",
        f"for {settings.shunned_for:.0f} seconds",
    ):
        assert words in README
    assert (settings.agreement, settings.quorum, settings.heal_every) == (3, 8, 600), (
        "three, eight, ten minutes"
    )
