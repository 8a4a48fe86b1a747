"""`bitboot watch` and `bitboot join`."""

from __future__ import annotations

import asyncio
import functools
import signal
from collections.abc import AsyncIterator

import pytest

from bitboot_core import AnnounceFailed, BackendError, BitBoot, KnownHost, Place, Reachability
from bitboot_core._cli import main
from bitboot_core._cli.report.events import Event, Joined, Left
from bitboot_core._cli.report.reach import Reached
from bitboot_core._cli.session import Session
from bitboot_core.testing import FakeBackend, ManualClock, fails

from .conftest import Cli, Reacting, Served

ONE, TWO = KnownHost("192.0.2.7", 1), KnownHost("2001:db8::1", 2)


def stopping(backend: FakeBackend) -> FakeBackend:
    """Has the process stopped, as by Ctrl-C, soon after the first scan."""

    async def stop() -> None:
        asyncio.get_running_loop().call_later(0.2, signal.raise_signal, signal.SIGINT)

    backend.acts["lookup"] = stop
    return backend


def test_it_tells_who_is_there(cli: Cli, served: Served) -> None:
    backend = stopping(FakeBackend(peers=[ONE, TWO]))
    served.add("fake", backend)
    result = cli("watch", "mynet", "--network", "fake", "--json")
    assert result.status == 0
    ready, one, two, done = result.events
    assert ready["event"] == "ready"
    assert one == {"event": "peer-joined", "swarm": "mynet", "host": ONE.host, "port": 1, "sources": ["fake"]}
    assert two["host"] == TWO.host
    assert isinstance(done.pop("seconds"), float)
    assert done == {"event": "done", "swarm": "mynet"}
    assert backend.calls[-1][0] == "aclose"
    assert not served.configs[0].read_only


def test_plain_lines(cli: Cli, served: Served) -> None:
    served.add("fake", stopping(FakeBackend(peers=[TWO])))
    result = cli("watch", "mynet", "--network", "fake")
    assert result.out.splitlines()[1] == "peer-joined: [2001:db8::1]:2 from fake"


def test_it_ends_after_its_time(cli: Cli) -> None:
    result = cli("watch", "mynet", "--network", "local", "--for", "0.01", "--json")
    assert result.status == 0
    assert [event["event"] for event in result.events] == ["ready", "done"]


def test_scans_that_fail_are_told_once_and_do_not_end_it(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    backend = FakeBackend(peers=[ONE])
    advancing: set[asyncio.Task[None]] = set()

    def react(event: Event) -> None:
        if isinstance(event, Joined):
            backend.peers, backend.acts["lookup"] = [], fails(BackendError("the network is down"))
            advancing.add(asyncio.create_task(back_later()))
        elif isinstance(event, Left):
            signal.raise_signal(signal.SIGINT)

    async def back_later() -> None:
        await clock.advance(3600)
        del backend.acts["lookup"]
        await clock.advance(3600)

    report = Reacting(react)
    monkeypatch.setattr("bitboot_core._cli.options.report_for", lambda as_json: report)
    monkeypatch.setattr("bitboot_core._cli.session.BitBoot", functools.partial(BitBoot, clock=clock))
    served.add("fake", backend)
    assert main(["watch", "mynet", "--network", "fake"]) == 0
    assert [event.name for event in report.events] == ["ready", "peer-joined", "error", "peer-left", "done"]


@pytest.mark.parametrize("command", [["watch"], ["join", "--port", "1"], ["announce", "--port", "1"]])
def test_whether_others_can_reach_it_is_told_when_known_and_when_it_changes(
    served: Served, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    looks = iter(
        [
            {4: Place(Reachability.UNKNOWN), 6: Place(Reachability.UNKNOWN)},
            {4: Place(Reachability.CONE, ONE), 6: Place(Reachability.BLOCKED)},
            {4: Place(Reachability.CONE, ONE), 6: Place(Reachability.BLOCKED)},
            {4: Place(Reachability.SYMMETRIC, KnownHost(ONE.host, 0)), 6: Place(Reachability.OPEN, TWO)},
            {4: Place(Reachability.BLOCKED), 6: Place(Reachability.UNKNOWN, TWO)},
        ]
    )
    current = {4: Place(Reachability.UNKNOWN)}

    def look(session: Session) -> None:
        nonlocal current
        current = next(looks, current)
        tell(session)

    tell = Session.tell_networks
    monkeypatch.setattr(Session, "tell_networks", look)
    monkeypatch.setattr("bitboot_core._cli.staying.LOOK_EVERY", 0.001)
    monkeypatch.setattr(FakeBackend, "places", property(lambda self: current))
    told: list[Reached] = []

    def react(event: Event) -> None:
        if isinstance(event, Reached):
            told.append(event)
            if len(told) == 5:
                signal.raise_signal(signal.SIGINT)

    report = Reacting(react)
    monkeypatch.setattr("bitboot_core._cli.options.report_for", lambda as_json: report)
    served.add("fake", FakeBackend())
    assert main([*command, "mynet", "--network", "fake"]) == 0
    assert [(one.family, one.reachability, one.host, one.port) for one in told] == [
        (4, "cone", ONE.host, ONE.port),
        (4, "symmetric", ONE.host, None),
        (6, "open", TWO.host, TWO.port),
        (4, "blocked", None, None),
        (6, "unknown", TWO.host, TWO.port),
    ]
    means = "cone, behind NAT, reached by those that it writes to; others see it at 192.0.2.7:1"
    assert told[0].text() == f"fake over IPv4: {means}"


def test_as_json_what_is_not_known_is_left_out(
    cli: Cli, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(Reachability.SYMMETRIC, KnownHost(ONE.host, 0))
    monkeypatch.setattr(FakeBackend, "places", {4: place})
    served.add("fake", stopping(FakeBackend()))
    (told,) = cli("watch", "mynet", "--network", "fake", "--json").named("reachability")
    assert told == {
        "event": "reachability",
        "network": "fake",
        "family": 4,
        "reachability": "symmetric",
        "host": ONE.host,
    }


def test_joining_announces_and_watches(cli: Cli, served: Served) -> None:
    backend = stopping(FakeBackend(peers=[ONE]))
    served.add("fake", backend)
    result = cli("join", "mynet", "--port", "6881", "--network", "fake", "--json")
    assert result.status == 0
    assert sorted(event["event"] for event in result.events) == ["announced", "done", "peer-joined", "ready"]
    assert backend.count("announce") == backend.count("withdraw") == 1
    assert backend.calls[-1][0] == "aclose"


def test_joining_on_a_real_network(cli: Cli) -> None:
    result = cli("join", "mynet", "--port", "6881", "--network", "local", "--for", "0.2", "--json")
    assert result.status == 0
    assert {event["event"] for event in result.events} == {"ready", "announced", "peer-joined", "done"}


def test_joining_where_nobody_stores_it_gives_up_when_told_to(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(announce=fails(AnnounceFailed("nobody would"))))
    result = cli("join", "mynet", "--port", "6881", "--network", "fake", "--give-up", "0.05")
    assert result.status == 1
    assert result.err.splitlines()[:2] == ["error: fake: nobody would", "error: not announced after 0.05 s"]


def test_of_two_networks_one_may_fail(cli: Cli, served: Served) -> None:
    served.add("good", stopping(FakeBackend(peers=[ONE])))
    served.add("bad", FakeBackend(announce=fails(AnnounceFailed("no")), lookup=fails(BackendError("down"))))
    networks = ["--network", "good", "--network", "bad"]
    result = cli("join", "mynet", "--port", "6881", *networks, "--json")
    assert result.status == 0
    assert [event["sources"] for event in result.named("peer-joined")] == [["good"]]
    assert {(event["network"], event["message"]) for event in result.named("error")} == {
        ("bad", "no"),
        ("bad", "down"),
    }


def test_a_watch_that_dies_of_a_mistake_is_no_silence(
    cli: Cli, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of our own ends the command, it is not swallowed by what waits beside it."""

    class Broken(FakeBackend):
        async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
            yield ONE

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    served.add("fake", Broken())
    monkeypatch.setattr("bitboot_core._cli.following.Joined", fail)
    with pytest.raises(AttributeError):
        main(["watch", "mynet", "--network", "fake"])


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
@pytest.mark.parametrize("command", [["watch"], ["join", "--port", "1"]])
def test_a_time_is_a_time(cli: Cli, command: list[str], seconds: str) -> None:
    result = cli(*command, "mynet", "--network", "local", "--for", seconds)
    assert result.status == 2
    assert "--for" in result.err


@pytest.mark.parametrize("command", [["watch"], ["join", "--port", "1"]])
def test_a_swarm_has_a_name(cli: Cli, command: list[str]) -> None:
    assert cli(*command, "", "--network", "local").status == 2
    assert cli(*command, "--network", "local").status == 2


def test_a_port_is_needed(cli: Cli) -> None:
    assert cli("join", "mynet", "--network", "local").status == 2
