"""`bitboot lookup` through the daemon, where one runs that is on the same network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bitboot_serve.limits import Limits
from bitboot_serve.paths import socket_path

from bitboot_core import (
    BackendError,
    BackendSpec,
    BackendTimeout,
    KnownHost,
    NetworkDefinition,
    default_registry,
)
from bitboot_core._cli import by_daemon, main
from bitboot_core._cli.report.report import JsonReport
from bitboot_core.testing import FakeBackend, fails

from .conftest import Serving, World

OWN, DAEMONS = KnownHost("192.0.2.1", 1), KnownHost("192.0.2.2", 2)
CONTACT = KnownHost("192.0.2.9", 9)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[FakeBackend]:
    """The node that the command would make itself."""
    backend = FakeBackend(peers=[OWN])
    default_registry().register_backend(BackendSpec("fake", ["fake"], lambda config: backend))
    default_registry().register_network(NetworkDefinition("fake", "fake", [CONTACT]))
    (tmp_path / "config.toml").write_text("", encoding="utf-8")
    monkeypatch.setenv("BITBOOT_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("BITBOOT_SOCKET", str(tmp_path / "serve.sock"))
    monkeypatch.setenv("BITBOOT_STATE_DIR", str(tmp_path / "state"))
    yield backend
    default_registry().unregister_backend("fake")
    default_registry().unregister_network("fake")


@pytest.fixture
def lookup(capsys: pytest.CaptureFixture[str]) -> Any:
    async def run(*options: str) -> tuple[int, list[dict[str, Any]]]:
        command = ["lookup", "mynet", "--network", "fake", "--json", *options]
        status = await asyncio.to_thread(main, command)
        return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run


@pytest.fixture
def daemon(serve: Serving) -> Any:
    @asynccontextmanager
    async def make(**options: Any) -> AsyncIterator[World]:
        backend = options.pop("backend", None) or FakeBackend(peers=[DAEMONS])
        network = NetworkDefinition("fake", "fake", [options.pop("contact", CONTACT)])
        async with serve(network=network, fake=backend, **options) as world:
            await world.daemon.bitboot.ready()
            yield world

    return make


def hosts(events: list[dict[str, Any]]) -> list[str]:
    return [event["host"] for event in events if event["event"] == "peer"]


async def test_it_is_asked_where_it_runs(own: FakeBackend, daemon: Any, lookup: Any) -> None:
    async with daemon():
        status, events = await lookup()
    assert (status, hosts(events)) == (0, [DAEMONS.host])
    assert [event["event"] for event in events] == ["ready", "peer", "done"]
    assert own.calls == []


@pytest.mark.parametrize(
    "options",
    [["--no-daemon"], ["--wait", "1"], ["--listen", "127.0.0.1:0"], ["--bootstrap", "192.0.2.8:8"]],
    ids=lambda options: options[0],
)
async def test_whoever_asks_for_a_node_of_his_own_has_it(
    own: FakeBackend, daemon: Any, lookup: Any, options: list[str]
) -> None:
    async with daemon():
        status, events = await lookup(*options)
    assert (status, hosts(events)) == (0, [OWN.host])


async def test_a_daemon_on_another_network_is_not_asked(own: FakeBackend, daemon: Any, lookup: Any) -> None:
    async with daemon(contact=KnownHost("192.0.2.7", 7)):
        assert hosts((await lookup())[1]) == [OWN.host]


async def test_a_daemon_that_is_busy_is_not_waited_for(own: FakeBackend, daemon: Any, lookup: Any) -> None:
    async with daemon(limits=Limits(lookups=0)):
        assert hosts((await lookup())[1]) == [OWN.host]


async def test_without_a_daemon_nothing_changes(own: FakeBackend, lookup: Any, tmp_path: Any) -> None:
    assert hosts((await lookup())[1]) == [OWN.host]
    (tmp_path / "serve.sock").write_text("no socket", encoding="utf-8")
    assert hosts((await lookup())[1]) == [OWN.host]


async def test_a_peer_s_id_comes_along(own: FakeBackend, daemon: Any, lookup: Any) -> None:
    found = KnownHost("192.0.2.1", 1, "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN")
    async with daemon(backend=FakeBackend(peers=[found])):
        through_daemon = (await lookup())[1]
    own.peers = [found]
    (peer,) = [event for event in through_daemon if event["event"] == "peer"]
    assert peer in (await lookup("--no-daemon"))[1]
    assert peer["peer_id"] == found.peer_id


async def test_its_errors_are_the_command_s(own: FakeBackend, daemon: Any, lookup: Any) -> None:
    failing = FakeBackend(lookup=fails(BackendTimeout("nobody answered", hint="wait")))
    async with daemon(backend=failing):
        status, events = await lookup()
    assert status == 1
    error = events[-1]
    assert (error["error"], error["message"], error["hint"]) == ("BackendTimeout", "nobody answered", "wait")
    assert own.calls == [], "nobody asks twice"


async def test_what_fails_after_the_first_peer_is_told(own: FakeBackend, daemon: Any, lookup: Any) -> None:
    failing = FakeBackend(peers=[DAEMONS], lookup=fails(BackendError("later")))
    async with daemon(backend=failing):
        status, events = await lookup("--limit", "5")
    assert (status, hosts(events)) == (0, [DAEMONS.host])
    assert [event["event"] for event in events][-2:] == ["error", "done"], "the network's failure is told"


async def test_a_reader_of_ours_that_goes_away_leads_to_no_second_lookup(
    own: FakeBackend, daemon: Any, lookup: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(JsonReport, "tell", gone)
    async with daemon():
        status, events = await lookup()
    assert (status, events, own.calls) == (1, [], [])


def test_both_look_for_the_socket_in_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BITBOOT_SOCKET", raising=False)
    assert by_daemon.socket_path() == socket_path()
    monkeypatch.setenv("BITBOOT_SOCKET", "/nowhere/s")
    assert by_daemon.socket_path() == socket_path()
