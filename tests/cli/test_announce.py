"""`bitboot announce`."""

from __future__ import annotations

import asyncio
import functools
import signal
import threading
from collections.abc import Iterator

import pytest

from bitboot_core import AnnounceFailed, BitBoot, KnownHost, Receipt
from bitboot_core._cli import main
from bitboot_core._cli.report.events import Announced, Event, Failed
from bitboot_core._cli.signals import SIGNALS
from bitboot_core.testing import FakeBackend, ManualClock, fails

from .conftest import Cli, Reacting, Served

REFUSED = AnnounceFailed("nobody would", hint="ask nicely")


def test_port_0_is_for_networks_that_have_a_port_of_their_own(cli: Cli, served: Served) -> None:
    """As has the network `local`."""
    served.add("fake", FakeBackend())
    for network, status in (("fake", 2), ("local", 0)):
        result = cli("announce", "mynet", "--network", network, "--port", "0", "--for", "0.01")
        assert result.status == status
        assert ("fake cannot announce port 0" in result.err) is (status == 2)


def test_it_tells_when_it_is_stored_and_ends_after_its_time(cli: Cli) -> None:
    result = cli("announce", "mynet", "--network", "local", "--port", "6881", "--for", "0.01", "--json")
    assert result.status == 0
    ready, announced, done = result.events
    assert ready["event"] == "ready"
    assert announced == {
        "event": "announced",
        "swarm": "mynet",
        "network": "local",
        "stored_on": 1,
        "expires_in": 1800,
    }
    assert isinstance(done.pop("seconds"), float)
    assert done == {"event": "done", "swarm": "mynet"}


def test_plain_lines(cli: Cli) -> None:
    result = cli("announce", "mynet", "--network", "local", "--port", "6881", "--for", "0.01")
    _, announced, done = result.out.splitlines()
    assert announced == "announced: mynet on local, stored on 1 node, expires in 1800 s"
    assert done.startswith("done: mynet, after ")


def test_several_swarms_at_once(cli: Cli) -> None:
    result = cli("announce", "one", "two", "--network", "local", "--port", "1", "--for", "0.01", "--json")
    assert {event["swarm"] for event in result.named("announced")} == {"one", "two"}
    assert [event["swarm"] for event in result.named("done")] == ["one", "two"]


def test_at_the_end_it_withdraws_and_closes(cli: Cli, served: Served) -> None:
    backend = FakeBackend()
    served.add("fake", backend)
    assert cli("announce", "mynet", "--network", "fake", "--port", "6881", "--for", "0.01").status == 0
    assert [call[0] for call in backend.calls] == ["start", "announce", "withdraw", "aclose"]
    assert backend.calls[2][2] == KnownHost("", 6881)
    assert not served.configs[0].read_only


def test_what_nobody_stores_is_a_failure(cli: Cli, served: Served) -> None:
    backend = FakeBackend(announce=fails(REFUSED))
    served.add("fake", backend)
    result = cli("announce", "mynet", "--network", "fake", "--port", "6881", "--give-up", "0.05")
    assert result.status == 1
    refused, hint, gave_up, _ = result.err.splitlines()
    assert (refused, hint) == ("error: fake: nobody would", "hint: ask nicely")
    assert gave_up == "error: not announced after 0.05 s"
    assert backend.count("aclose") == 1


def test_of_two_networks_one_may_refuse(cli: Cli, served: Served) -> None:
    served.add("good", FakeBackend())
    served.add("bad", FakeBackend(announce=fails(REFUSED)))
    networks = ["--network", "good", "--network", "bad"]
    result = cli("announce", "mynet", *networks, "--port", "6881", "--for", "0.01", "--json")
    assert result.status == 0
    assert [event["network"] for event in result.named("announced")] == ["good"]
    assert [(event["network"], event["error"]) for event in result.named("error")] == [
        ("bad", "AnnounceFailed")
    ]


@pytest.fixture
def heeded(number: signal.Signals) -> Iterator[None]:
    """The signal is not ignored, as it is where the tests are run by nohup."""
    before = signal.getsignal(number)
    if before is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)
    yield
    signal.signal(number, before)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_in_good_order(cli: Cli, served: Served, number: signal.Signals) -> None:
    async def stopped() -> Receipt:
        # Once the program waits, as a user's Ctrl-C would: not from within the backend.
        asyncio.get_running_loop().call_later(0.01, signal.raise_signal, number)
        return Receipt(stored_on=3, lifetime=1800)

    backend = FakeBackend(announce=stopped)
    served.add("fake", backend)
    before = signal.getsignal(number)
    result = cli("announce", "mynet", "--network", "fake", "--port", "6881", "--json")
    assert result.status == 0
    assert [event["event"] for event in result.events] == ["ready", "announced", "done"]
    assert [call[0] for call in backend.calls] == ["start", "announce", "withdraw", "aclose"]
    assert signal.getsignal(number) is before


def test_renewals_and_their_failures_are_told(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    answers: list[Receipt | Exception] = [Receipt(3, 1800), Receipt(5, 1800), REFUSED]
    advancing: set[asyncio.Task[None]] = set()

    async def announce() -> Receipt:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def react(event: Event) -> None:
        if isinstance(event, Announced):
            advancing.add(asyncio.create_task(clock.advance(1620)))  # 0.9 of its lifetime
        elif isinstance(event, Failed):
            signal.raise_signal(signal.SIGINT)

    report = Reacting(react)
    monkeypatch.setattr("bitboot_core._cli.options.report_for", lambda as_json: report)
    monkeypatch.setattr("bitboot_core._cli.session.BitBoot", functools.partial(BitBoot, clock=clock))
    served.add("fake", FakeBackend(announce=announce))
    assert main(["announce", "mynet", "--network", "fake", "--port", "6881"]) == 0
    assert [event.name for event in report.events] == ["ready", "announced", "announced", "error", "done"]
    assert [event.stored_on for event in report.events if isinstance(event, Announced)] == [3, 5]


def test_far_fewer_nodes_than_could_are_told_of_and_it_is_announced_again_soon(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    answers = [Receipt(1, 1800, 8), Receipt(8, 1800, 8)]
    advancing: set[asyncio.Task[None]] = set()

    async def announce() -> Receipt:
        return answers.pop(0)

    def react(event: Event) -> None:
        if isinstance(event, Announced) and answers:
            advancing.add(asyncio.create_task(clock.advance(5)))
        elif isinstance(event, Announced):
            signal.raise_signal(signal.SIGINT)

    report = Reacting(react)
    monkeypatch.setattr("bitboot_core._cli.options.report_for", lambda as_json: report)
    monkeypatch.setattr("bitboot_core._cli.session.BitBoot", functools.partial(BitBoot, clock=clock))
    served.add("fake", FakeBackend(announce=announce))
    assert main(["announce", "mynet", "--network", "fake", "--port", "6881"]) == 0
    told = [event for event in report.events if isinstance(event, Announced)]
    assert [(event.stored_on, event.could_store) for event in told] == [(1, 8), (8, None)]
    assert told[0].text() == "mynet on fake, stored on 1 of 8 nodes, expires in 1800 s"
    assert "could_store" not in told[1].as_json()


def test_it_runs_in_a_thread_too(served: Served) -> None:
    """Where signals belong to somebody else."""
    statuses: list[int] = []
    arguments = ["announce", "mynet", "--network", "local", "--port", "6881", "--for", "0.01"]
    thread = threading.Thread(target=lambda: statuses.append(main(arguments)))
    thread.start()
    thread.join()
    assert statuses == [0]


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_a_port_is_a_port(cli: Cli, port: str) -> None:
    result = cli("announce", "mynet", "--network", "local", "--port", port)
    assert result.status == 2
    assert "--port" in result.err


def test_a_port_is_needed(cli: Cli) -> None:
    assert cli("announce", "mynet", "--network", "local").status == 2
