"""`bitboot demo`."""

from __future__ import annotations

import io
import shlex
import sys
from pathlib import Path

import pytest
from rich.console import Console

from bitboot_core import Registry
from bitboot_core._cli.demo import NEXT
from bitboot_core._cli.program import commands
from bitboot_core._cli.report.demo_drawing import DemoDrawing
from bitboot_core._cli.report.demo_view import DemoView
from bitboot_core._cli.report.events import Announced, Cost, Joined, PeerFound, Ready, Started
from bitboot_core._cli.typed import this_command
from bitboot_core.testing import FakeBackend, FakeEntryPoint, plugin_module, spec_of

from .conftest import Cli
from .test_terminal import Show, show  # noqa: F401 - a fixture

PORTS = range(50001, 50006)


def test_five_peers_are_found_by_somebody_who_knew_none(cli: Cli) -> None:
    result = cli("demo", "--json")
    assert result.status == 0
    assert result.named("started") == [{"event": "started", "network": "mainline", "nodes": 16}]
    assert sorted(event["port"] for event in result.named("announced")) == list(PORTS)
    assert all(event["stored_on"] > 0 for event in result.named("announced"))
    peers = [(event["host"], event["port"]) for event in result.named("peer")]
    assert sorted(peers) == [("127.0.0.1", port) for port in PORTS]
    (cost,) = result.named("cost")
    assert cost["datagrams"] > 0
    assert cost["milliseconds"] > 0
    assert result.events[-1]["event"] == "done"
    assert result.events[-1]["peers"] == 5


def test_for_people_it_ends_with_what_it_cost_and_what_to_try_next(cli: Cli) -> None:
    lines = cli("demo").out.splitlines()
    assert lines[0] == "started: mainline of 16 nodes on this machine alone"
    assert sum("port 5000" in line for line in lines if line.startswith("announced: ")) == 5
    before, tries = lines[: -len(NEXT)], lines[-len(NEXT) :]
    assert before[-2].startswith("cost: ")
    assert before[-1].startswith("done: bitboot-demo, 5 peers found in ")
    assert all(line.startswith("try: ") for line in tries)


def test_what_it_says_to_try_can_be_typed() -> None:
    for command, does in NEXT:
        program, name, *arguments = shlex.split(command.format(bitboot="bitboot"))
        assert program == "bitboot"
        commands()[name].make_context(name, arguments)  # raises where it does not understand them
        assert does


def test_a_terminal_shows_each_peer_in_a_row_and_what_was_found(show: Show) -> None:  # noqa: F811
    screen = show("demo")
    last = screen[screen.rindex("peer at port") :]
    assert all(str(port) in last for port in PORTS)
    assert "5 of 5 peers found by a node that knew none of them" in last
    assert "done" in last
    assert last.count("try") >= len(NEXT)


def drawn(view: DemoView, *, final: bool = False) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=110, force_terminal=False, color_system=None)
    console.print(DemoDrawing(view).draw(110, 40, final=final))
    return [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]


def row(view: DemoView, port: int) -> str:
    (line,) = (line for line in drawn(view) if line.strip().startswith(str(port)))
    return " ".join(line.split())


def test_the_view_fills_as_things_happen() -> None:
    now = [100.0]
    view = DemoView("a demo", ports=(1, 2), now=lambda: now[0])
    found = PeerFound(swarm="x", host="127.0.0.1", port=2, sources=["mainline"])
    assert row(view, 2) == "2 not yet"
    assert drawn(view)[-1].endswith("announcing ...")
    before = view.content()
    announced = Announced(swarm="x", network="mainline", stored_on=8, expires_in=1800, port=2)
    assert view.note(announced)
    assert view.content() != before, "so that it is drawn anew"
    assert row(view, 2) == "2 on 8 nodes, for 30 min"
    assert view.note(Ready(network="mainline", backend="btdht", listen="127.0.0.1:1", contacts=8))
    assert drawn(view)[-1].endswith("looking them up ...")
    now[0] += 0.25
    assert view.note(found)
    assert row(view, 2) == "2 on 8 nodes, for 30 min after 250 ms"
    assert drawn(view, final=True)[-1] == "stopped before it was done"
    before = view.content()
    assert view.note(Cost(datagrams=16, milliseconds=2.5))
    assert view.content() != before
    last = "1 of 2 peers found by a node that knew none of them, for 16 datagrams both ways, 2.5 ms"
    assert drawn(view, final=True)[-1] == last


def test_what_the_view_does_not_show_is_left_to_others() -> None:
    view = DemoView("a demo", ports=(1,))
    assert not view.note(Started(network="mainline", nodes=16))
    assert not view.note(Joined(swarm="x", host="127.0.0.1", port=9, sources=["mainline"]))
    assert not view.note(Announced(swarm="x", network="mainline", stored_on=8, expires_in=1800))


@pytest.mark.parametrize(
    ("here", "program", "typed"),
    [
        ("clone", "clone/.venv/bin/bitboot", ".venv/bin/bitboot"),
        ("clone/.venv/bin", "clone/.venv/bin/bitboot", "./bitboot"),
        ("", "my clone/.venv/bin/bitboot", "'my clone/.venv/bin/bitboot'"),
        ("elsewhere", "clone/.venv/bin/bitboot", "{tmp}/clone/.venv/bin/bitboot"),
        ("clone", "clone/.venv/lib/bitboot_core/__main__.py", "{python} -m bitboot_core"),
        ("clone", "onpath/bitboot", "bitboot"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="paths as on other systems")
def test_the_command_as_it_can_be_typed(
    here: str, program: str, typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path / here, (tmp_path / program).parent, tmp_path / "onpath"):
        folder.mkdir(parents=True, exist_ok=True)
    (tmp_path / program).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "onpath"))
    monkeypatch.chdir(tmp_path / here)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / program), "demo"])
    assert this_command() == typed.format(tmp=tmp_path, python=sys.executable)


def test_without_a_backend_that_can_do_it_it_says_what_to_install(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = plugin_module(backends=lambda: [spec_of(FakeBackend(), "plain", ["mainline"])])
    registry = Registry(
        entry_points=lambda: [FakeEntryPoint("plain", module)],
        environ={},
    )
    monkeypatch.setattr("bitboot_core._cli.demo.default_registry", lambda: registry)
    result = cli("demo", "--json")
    assert result.status == 1
    (event,) = result.events
    assert event["error"] == "NetworkUnavailable"
    assert "bitboot-core[btdht]" in event["hint"]
