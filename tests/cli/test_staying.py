"""Commands that stay: they begin without a network, say what is the matter, and go on by themselves."""

from __future__ import annotations

import asyncio
import signal

import pytest

from bitboot_core import BackendError, KnownHost, Receipt
from bitboot_core._cli.staying import together
from bitboot_core.aio.tasks import Signal
from bitboot_core.testing import Act, FakeBackend

from .conftest import Cli, Served

SEED = KnownHost("192.0.2.1", 6881)
PEER = KnownHost("192.0.2.7", 1)

COMMANDS = [["announce", "--port", "1"], ["watch"], ["join", "--port", "1"]]


def then_stop(answer: object) -> Act:
    """Give this answer, and have the process stopped soon after, as by Ctrl-C."""

    async def act() -> object:
        asyncio.get_running_loop().call_later(0.05, signal.raise_signal, signal.SIGINT)
        return answer

    return act


class Late(FakeBackend):
    """Nobody answers at first; then somebody does, and is known from then on."""

    def __init__(self, failures: int) -> None:
        super().__init__(peers=[PEER])
        self.failures = failures

    async def bootstrap(self, contacts: object) -> int:
        if self.failures:
            self.failures -= 1
            return 0
        self.known = [SEED]
        return 1


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_it_waits_for_the_network_and_goes_on(
    cli: Cli, served: Served, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitboot_core.aio.timing.bootstrap_after", lambda *_: 0.05)
    monkeypatch.setattr("bitboot_core._cli.staying.LOOK_EVERY", 0.005)
    backend = Late(failures=1)
    if command[0] == "announce":
        backend.acts["announce"] = then_stop(Receipt(1, 1800))
    else:
        backend.acts["lookup"] = then_stop(None)
    served.add("fake", backend, [SEED])
    result = cli(command[0], "mynet", *command[1:], "--network", "fake", "--json")
    assert result.status == 0
    names = [event["event"] for event in result.events]
    assert names.index("error") < names.index("ready")
    assert result.named("error")[0]["error"] == "BootstrapFailed"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_it_can_be_told_to_give_up(cli: Cli, served: Served, command: list[str]) -> None:
    served.add("fake", Late(failures=1000), [SEED])
    give_up = ["--give-up", "0.1"]
    result = cli(command[0], "mynet", *command[1:], "--network", "fake", "--timeout", "1", *give_up, "--json")
    assert result.status == 1
    last = result.events[-1]
    assert last["event"] == "error"
    assert "after 0.1 s" in last["message"]
    assert "bitboot doctor" in last["hint"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("value", ["0", "-1", "nan"])
def test_a_time_is_a_time(cli: Cli, command: list[str], value: str) -> None:
    result = cli(command[0], "mynet", *command[1:], "--network", "local", "--give-up", value)
    assert result.status == 2
    assert "--give-up" in result.err


def test_what_fails_in_the_same_way_is_told_once(cli: Cli, served: Served) -> None:
    backend = FakeBackend()
    scans = 0

    async def down() -> None:
        nonlocal scans
        scans += 1
        if scans == 1:
            asyncio.get_running_loop().call_later(0.1, signal.raise_signal, signal.SIGINT)
        raise BackendError("down")

    backend.acts["lookup"] = down
    served.add("fake", backend)
    result = cli("watch", "mynet", "--network", "fake", "--json")
    assert result.status == 0
    assert [event["message"] for event in result.named("error")] == ["down"]


def test_several_swarms_are_watched(cli: Cli, served: Served) -> None:
    served.add("fake", FakeBackend(peers=[PEER]))
    result = cli("join", "one", "two", "--port", "1", "--network", "fake", "--for", "0.3", "--json")
    assert {event["swarm"] for event in result.named("peer-joined")} == {"one", "two"}
    assert [event["swarm"] for event in result.named("done")] == ["one", "two"]


async def test_what_came_at_the_last_moment_is_told() -> None:
    news, told = Signal(), []

    async def follow() -> None:
        await news.wait()
        told.append("news")

    async def first() -> None:
        news.notify()

    await together(0.0, first, follow())
    assert told == ["news"]
