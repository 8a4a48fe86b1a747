"""The live views: what they show, where they show nothing, and how they end."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console, ConsoleDimensions

from bitboot_core import (
    AnnouncementStatus,
    BootstrapFailed,
    KnownHost,
    NetworkState,
    NotRunning,
    Place,
    Reachability,
)
from bitboot_core._cli.report.drawing import Drawing
from bitboot_core._cli.report.durations import clock_time, span
from bitboot_core._cli.report.events import Joined, Left, PeerFound, Ready
from bitboot_core._cli.report.terminal import SafeConsole, TerminalReport
from bitboot_core._cli.report.view import View
from bitboot_core.testing import FakeBackend

from .conftest import COMMAND, Served
from .test_terminal import Show, show  # noqa: F401 - a fixture

NOON = 1_700_000_000.0


def state(name: str = "mainline", **fields: Any) -> NetworkState:
    """How a network is doing."""
    listen = KnownHost("0.0.0.0", 6881)
    told: dict[str, Any] = {"ready": True, "listen": listen, "contacts": 8, "bootstrap": (), "error": None}
    return NetworkState(network=name, backend="btdht", **{**told, **fields})


def view(*states: NetworkState, **fields: Any) -> View:
    """A view of networks in these states, three seconds old."""
    found = View("watching mynet", now=lambda: NOON, **fields)
    found.began = NOON - 3
    found.states = {one.network: one for one in states}
    return found


def drawn(shown: View, *, width: int = 110, height: int = 40, final: bool = False) -> list[str]:
    """The lines on a screen, without the blank ones."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=False, color_system=None)
    console.print(Drawing(shown).draw(width, height, final=final))
    return [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]


def peers(shown: View, count: int) -> None:
    for port in range(1, count + 1):
        shown.note(Joined(swarm="mynet", host="192.0.2.7", port=port, sources=["mainline"]))


def test_networks_peers_and_announcement() -> None:
    shown = view(state())
    shown.stats = {"mainline": {"sent": 12, "received": 9, "stored_keys": 3, "stored_peers": 5}}
    shown.announced = {("mynet", "mainline"): AnnouncementStatus(8, 1740.0, 1400.0, None, 2)}
    shown.note(Joined(swarm="mynet", host="2001:db8::1", port=1, sources=["mainline", "local"]))
    shown.now = lambda: NOON + 90
    lines = "\n".join(drawn(shown))
    assert lines.startswith("watching mynet  93 s")
    for row in (
        ["mainline", "btdht", "0.0.0.0:6881", "in touch", "8", "12 out, 9 in", "5 peers of 3 swarms"],
        ["mynet", "mainline", "8 nodes", "29 min", "in 23 min", "2"],
        ["[2001:db8::1]:1", clock_time(NOON, NOON), "90 s ago", "mainline, local"],
    ):
        assert any(line.split("   ") and all(cell in line for cell in row) for line in lines.splitlines()), (
            row
        )
    assert "1 peer\n" in lines
    assert lines.endswith("Ctrl-C leaves")


def test_who_can_reach_it_is_shown_where_that_is_known_and_there_is_room() -> None:
    shown = view(state(places={4: Place(Reachability.CONE, KnownHost("192.0.2.7", 6881))}))
    assert "behind NAT (cone)" in "\n".join(drawn(shown))
    assert "reached" not in "\n".join(drawn(shown, width=99))
    assert "reached" not in "\n".join(drawn(view(state())))


def test_on_a_narrow_screen_nothing_is_folded() -> None:
    shown = view(state())
    shown.stats = {"mainline": {"sent": 1200, "received": 900, "stored_keys": 3, "stored_peers": 5}}
    lines = drawn(shown, width=80)
    assert len(lines) == 6
    assert "0.0.0.0:6881" not in lines[3]
    assert "5 peers of 3 swarms" in lines[3]


@pytest.mark.parametrize("width", [20, 40, 59, 71, 72, 80, 120])
@pytest.mark.parametrize("height", [4, 8, 13, 14, 24])
def test_on_any_screen_no_word_breaks_and_the_newest_peer_is_seen(width: int, height: int) -> None:
    shown = view(
        state(), state("office", ready=False, contacts=0, attempts=2, error=BootstrapFailed("nobody"))
    )
    shown.stats = {
        "mainline": {"sent": 123456, "received": 98765, "stored_keys": 1234, "stored_peers": 56789}
    }
    shown.announced = {
        ("my-application/v1/lobby", "mainline"): AnnouncementStatus(8, 1740.0, 1400.0, None, 2)
    }
    peers(shown, 100)
    lines = drawn(shown, width=width, height=height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    whole = "\n".join(drawn(shown, width=200, height=200)) + "\n".join(drawn(shown, width=71, height=200))
    for line in lines:
        for word in line.split():
            known = word in whole or word in {"peers,", "last", "shown"} or word.isdigit()
            assert known or word.endswith("…"), f"{word} is half a word"
    assert any(line.startswith("192.0.2.7:100") for line in lines)
    if width < 72 or height < 14:
        assert lines[1].startswith("192.0.2.7:"), "the peers come first where there is little room"


def test_what_has_not_changed_is_not_drawn_again() -> None:
    shown = view(state())
    before = shown.content()
    shown.now = lambda: NOON + 1000
    assert shown.content() == before
    peers(shown, 1)
    assert shown.content() != before


def test_the_bootstrap_s_progress() -> None:
    first = state(ready=False, contacts=0, bootstrap=(KnownHost("a.example", 1),) * 4, tried=4, attempts=1)
    again = state("office", ready=False, contacts=1, tried=2, attempts=3, error=BootstrapFailed("nobody"))
    lines = drawn(view(first, again))
    assert "getting in touch" in lines[3]
    assert "no answer" in lines[4]
    assert " ".join(lines[-2:]).endswith(
        "getting in touch with mainline: 4 contacts tried, 0 answered; "
        "office: 2 contacts tried, 1 answered, attempt 3"
    )
    starting = state(ready=False, contacts=0, listen=None, error=NotRunning("not yet"))
    assert "starting" in drawn(view(starting))[3]
    assert "alone" in drawn(view(state(contacts=0)))[3]


def test_no_more_peers_than_the_screen_holds_but_all_that_a_lookup_found() -> None:
    watching, lookup = view(state()), view(state(), is_lookup=True)
    for shown in (watching, lookup):
        peers(shown, 100)
        assert len(drawn(shown, height=24)) <= 24
    assert "192.0.2.7:100 " in "\n".join(drawn(watching, height=24))
    assert "192.0.2.7:1 " not in "\n".join(drawn(watching, height=24, final=True))
    assert any(line.startswith("100 peers, the last ") for line in drawn(watching, height=24))
    whole = drawn(lookup, height=24, final=True)
    assert sum(line.startswith("192.0.2.7:") for line in whole) == 100
    assert whole[-1] == "100 peers"


def test_who_left_is_gone_and_told_of_by_a_line() -> None:
    shown = view(state())
    peers(shown, 2)
    assert not shown.note(Left(swarm="mynet", host="192.0.2.7", port=1, sources=["mainline"]))
    lines = drawn(shown)
    assert not any(line.startswith("192.0.2.7:1 ") for line in lines)
    assert "1 peer, 1 left" in lines
    assert shown.note(Ready(network="mainline", backend="btdht", listen="x", contacts=1))
    assert shown.note(PeerFound(swarm="mynet", host="h", port=1, sources=["mainline"]))


def test_while_leaving_what_was_last_seen_stays() -> None:
    shown = view()
    bitboot: Any = SimpleNamespace(networks=lambda: {"mainline": state()}, stats=dict)
    shown.leave(bitboot)
    bitboot.networks = dict
    shown.look(bitboot)
    assert list(shown.states) == ["mainline"]
    assert "leaving ..." in drawn(shown)[0]
    assert "leaving ..." not in drawn(shown, final=True)[0]


def test_names_are_not_taken_for_markup() -> None:
    shown = view(state("[red]x"))
    shown.heading = "lookup of [bold]"
    assert drawn(shown)[0].startswith("lookup of [bold]")
    assert "[red]x" in "\n".join(drawn(shown))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "0 ms"),
        (0.04, "40 ms"),
        (9.94, "9.9 s"),
        (45, "45 s"),
        (119, "119 s"),
        (120, "2 min"),
        (1800, "30 min"),
        (7200, "2 h"),
        (7500, "2 h 5 min"),
        (172_800, "2 d"),
        (180_000, "2 d 2 h"),
    ],
)
def test_times_that_people_can_read(seconds: float, said: str) -> None:
    assert span(seconds) == said


def test_moments_have_a_date_once_they_are_long_ago() -> None:
    assert len(clock_time(NOON, NOON + 60)) == len("12:04:31")
    assert clock_time(NOON, NOON + 86_400).startswith("2023-11-1")


# At a terminal


LOOKUP = ["lookup", "mynet", "--network", "fake"]


@pytest.fixture(autouse=True)
def fake(served: Served) -> FakeBackend:
    """A network with one peer."""
    backend = FakeBackend(peers=[KnownHost("192.0.2.7", 1)])
    served.add("fake", backend)
    return backend


def test_a_command_ends_with_its_view_and_done(show: Show) -> None:  # noqa: F811
    lines = show(*LOOKUP).splitlines()
    assert any("192.0.2.7:1" in line for line in lines)
    assert "done" in lines[-1]
    assert "mynet, 1 peer found in " in lines[-1]


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    show: Show,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    lines = show(*LOOKUP).splitlines()
    assert [line.split()[0] for line in lines] == ["ready", "peer", "done"]
    assert "\x1b" not in "".join(lines)


def test_no_color_leaves_the_view_without_colour(show: Show, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("NO_COLOR", "1")
    screen = show(*LOOKUP)
    assert "192.0.2.7:1" in screen
    assert "\x1b[3" not in screen
    assert ";3" not in screen


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals of this kind")
def test_ctrl_c_at_a_real_terminal_withdraws_and_leaves() -> None:
    spawn = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
    arguments = ["join", "mynet", "--port", "6881", "--network", "local", "-v"]
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    for name in ("NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        environ.pop(name, None)
    with subprocess.Popen(
        [sys.executable, "-c", spawn, *COMMAND, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
    ) as terminal:
        assert terminal.stdin is not None
        assert terminal.stdout is not None
        screen = b""
        while b"127.0.0.1:6881" not in screen:  # it has announced and found itself
            screen += (chunk := os.read(terminal.stdout.fileno(), 4096))
            assert chunk, screen.decode()
        terminal.stdin.write(b"\x03")  # the terminal makes a signal of it
        terminal.stdin.flush()
        while chunk := os.read(terminal.stdout.fileno(), 4096):
            screen += chunk
    assert terminal.returncode == 0
    assert b"withdrawn" in screen
    assert b"local is closed" in screen
    assert b"Traceback" not in screen
    assert "mynet, after " in screen.decode().splitlines()[-1]


class Screen(io.StringIO):
    """Tells when something is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)

    async def shows(self, text: str) -> None:
        """Wait until `text` is written, from here on."""
        begins = len(self.getvalue())
        while text not in self.getvalue()[begins:]:
            self.written.clear()
            await self.written.wait()


async def test_a_screen_that_is_resized_is_drawn_on_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal wraps the old lines again: going up by their number would leave some of them."""
    monkeypatch.setattr("bitboot_core._cli.report.terminal.REFRESH", 0.001)
    screen = Screen()
    console = SafeConsole(file=screen, width=100, height=30, force_terminal=True, color_system=None)
    bitboot: Any = SimpleNamespace(networks=dict, stats=dict)
    async with TerminalReport(console).showing(view(state()), bitboot):
        await screen.shows("watching mynet")
        assert "\x1b[2J" not in screen.getvalue()
        console.size = ConsoleDimensions(50, 20)
        await screen.shows("\x1b[2J")
        await screen.shows("watching mynet")
