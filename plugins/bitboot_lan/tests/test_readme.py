"""The README's numbers are right."""

from __future__ import annotations

from pathlib import Path

from bitboot_lan.multicast import HOPS
from bitboot_lan.settings import Settings

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def test_the_numbers_are_right() -> None:
    settings = Settings()
    for words in (
        f"UDP port {settings.port}, to {settings.groups[4]} and {settings.groups[6]}",
        f"holds | {settings.max_peers:,} peers",
    ):
        assert words in README
    assert (settings.max_lifetime, 2 * settings.period, HOPS) == (1800, 600, 1)
    assert settings.patience < 1
