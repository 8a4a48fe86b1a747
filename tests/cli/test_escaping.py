"""Nothing that others wrote commands the terminal or forges a line, whichever way it takes out."""

from __future__ import annotations

import io
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bitboot_core import BackendError, BackendSpec, Registry
from bitboot_core._cli import main
from bitboot_core._cli.logs import shown_logs
from bitboot_core._cli.options import _backend_names
from bitboot_core._cli.report.checks import Check
from bitboot_core._cli.report.escaping import escaped
from bitboot_core._cli.report.events import Done, Failed
from bitboot_core._cli.report.listings import ProblemListed
from bitboot_core._cli.report.report import JsonReport, LineReport, Report
from bitboot_core._cli.report.terminal import SafeConsole, TerminalReport
from bitboot_core.testing import FakeBackend, fails

from .conftest import Cli, Served

EVIL = "a\x1b]0;owned\x07\x1b[2J\r\npeer: 192.0.2.66:1\u202e\u2028\u200b\x9b31m\udc80"
SHOWN = r"a\x1b]0;owned\x07\x1b[2J\r\npeer: 192.0.2.66:1\u202e\u2028\u200b\x9b31m\udc80"

EVENTS = [
    Done(swarm=EVIL, peers=0, seconds=1),
    Failed(error="X", message=EVIL, hint=EVIL, network=EVIL),
    Check(check="x", status="failed", message=EVIL, hint=EVIL, network=EVIL),
    ProblemListed(plugin=EVIL, distribution=EVIL, version=EVIL, stage="import", error=EVIL, hint=EVIL),
]


@given(st.text())
def test_what_is_escaped_can_be_printed_and_what_can_be_is_not_escaped(text: str) -> None:
    assert escaped(text).isprintable()
    assert escaped(escaped(text)) == escaped(text)
    if text.isprintable():
        assert escaped(text) == text


def harmless(out: str, *, lines: int) -> None:
    """Nothing but visible characters and the report's own line ends, `lines` of them."""
    assert escaped(out, keep="\n") == out
    assert len(out.splitlines()) == lines
    assert not any(line.startswith("peer: 192.0.2.66") for line in out.splitlines())


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_plain_lines(event: object, capsys: pytest.CaptureFixture[str]) -> None:
    LineReport().tell(event)  # type: ignore[arg-type]
    out = "".join(capsys.readouterr())
    assert SHOWN in out
    harmless(out, lines=2 if isinstance(event, Failed) else 1)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_json(event: object, capsys: pytest.CaptureFixture[str]) -> None:
    JsonReport().tell(event)  # type: ignore[arg-type]
    out = capsys.readouterr().out
    assert out.isascii()
    harmless(out, lines=1)


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def terminal(screen: io.StringIO) -> TerminalReport:
    """A report at a terminal without colours, so that none of the commands on it are rich's."""
    return TerminalReport(SafeConsole(file=screen, width=400, highlight=False, color_system=None))


@pytest.mark.parametrize("event", EVENTS[:3], ids=lambda event: event.name)
def test_at_a_terminal(event: object, terminal: Report, screen: io.StringIO) -> None:
    terminal.tell(event)  # type: ignore[arg-type]
    assert SHOWN in screen.getvalue()
    harmless(screen.getvalue(), lines=1 if isinstance(event, Done) else 2)


def test_in_a_table(terminal: Report, screen: io.StringIO) -> None:
    terminal.listing([event for event in EVENTS if isinstance(event, ProblemListed)])
    assert escaped(screen.getvalue(), keep="\n") == screen.getvalue()
    assert r"\x07" in screen.getvalue()


def test_whatever_is_drawn_there() -> None:
    """Live views are: their cells need not be escaped one by one."""
    screen = io.StringIO()
    table = Table(EVIL)
    table.add_row(Text(EVIL))
    console = SafeConsole(file=screen, width=200, color_system=None)
    console.print(table)
    assert escaped(screen.getvalue(), keep="\n") == screen.getvalue()
    plain = io.StringIO()
    Console(file=plain, width=200, color_system=None).print(Text("\x1b[2J"))
    assert "\x1b" in plain.getvalue()  # or rich would do it by itself, and ours could go


def test_logs(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("bitboot_core.test")
    # pytest keeps what is logged for its report, where half a surrogate pair has no place.
    evil, shown = EVIL.rstrip("\udc80"), SHOWN.removesuffix(r"\udc80")
    with shown_logs(0):
        try:
            raise ValueError(evil)
        except ValueError:
            log.exception("it said %s", evil)
    err = capsys.readouterr().err
    assert err.splitlines()[0] == f"ERROR: it said {shown}"
    assert "Traceback" in err
    harmless(err, lines=err.count("\n"))


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["lines", "json"])
def test_a_backend_that_fails_with_such_a_message(cli: Cli, served: Served, flags: list[str]) -> None:
    served.add("evil", FakeBackend(lookup=fails(BackendError(EVIL, hint=EVIL))))
    result = cli("lookup", "x", "--network", "evil", *flags)
    assert result.status == 1
    harmless(result.err + result.out, lines=len((result.err + result.out).split("\n")) - 1)


@pytest.mark.parametrize(
    "arguments",
    [["lookup", "x", f"--{EVIL}"], [EVIL], ["lookup", "x", "--timeout", EVIL], ["completion", EVIL]],
    ids=["option", "command", "value", "choice"],
)
def test_what_click_refuses(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    assert main(arguments) == 2
    assert escaped(screen.getvalue(), keep="\n") == screen.getvalue()
    assert "\npeer: 192" not in screen.getvalue()


def test_what_a_shell_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(entry_points=list, environ={})
    registry.register_backend(BackendSpec("evil", ["p"], lambda config: FakeBackend(), description=EVIL))
    monkeypatch.setattr("bitboot_core._cli.options.default_registry", lambda: registry)
    (item,) = _backend_names(None, None, "")  # type: ignore[arg-type]
    assert item.help == SHOWN
