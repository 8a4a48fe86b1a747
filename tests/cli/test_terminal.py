"""What a person at a terminal sees."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable

import pytest

from bitboot_core._cli import main
from bitboot_core._cli.report import checks, listings
from bitboot_core._cli.report.terminal import STYLES

from .test_events import EVENTS

COLOUR = "\x1b["


class Terminal(io.StringIO):
    """As much of a terminal as matters."""

    def isatty(self) -> bool:
        return True


Show = Callable[..., str]


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    """Run `bitboot` with these arguments; what the screen shows in the end."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> str:
        screen = Terminal()
        monkeypatch.setattr(sys, "stdout", screen)
        monkeypatch.setattr(sys, "stderr", screen)
        main(arguments)
        return screen.getvalue()

    return run


def test_every_event_has_its_colour() -> None:
    """But for those of lists, and checks, which are drawn in their own way."""
    drawn = {name for name, kind in EVENTS.items() if not issubclass(kind, (listings.Listed, checks.Check))}
    assert drawn == set(STYLES)


LOOKUP = ["lookup", "my[red]net", "--network", "local"]


def test_lines_are_coloured_and_names_are_not_taken_for_markup(show: Show) -> None:
    screen = show(*LOOKUP)
    assert COLOUR in screen
    assert "my[red]net, nobody found in " in screen


def test_errors_too(show: Show) -> None:
    screen = show(*LOOKUP, "--network", "[nix]")
    assert COLOUR in screen
    assert "there is no network named [nix]" in screen


def test_no_color_is_honoured(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen = show("announce", "mynet", "--network", "local", "--port", "1", "--for", "0.01")
    assert "announced" in screen
    assert "\x1b[3" not in screen


def test_the_doctors_verdict_stands_in_one_column_with_the_checks(
    show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    lines = [
        re.sub(r"\x1b\[[0-9;]*m", "", line) for line in show("doctor", "--network", "local").splitlines()
    ]
    assert [line[:9] for line in lines if line.startswith(("ok", "verdict"))] == [
        *["ok       "] * (len(lines) - 1),
        "verdict  ",
    ]


def test_json_is_never_coloured(show: Show) -> None:
    assert COLOUR not in show(*LOOKUP, "--json")


@pytest.mark.parametrize(("command", "title"), [("networks", "what it is"), ("plugins", "distribution")])
def test_lists_are_tables(show: Show, command: str, title: str) -> None:
    header, rule, *_ = (line for line in show(command).splitlines() if line.strip())
    assert title in header
    assert "──" in rule
