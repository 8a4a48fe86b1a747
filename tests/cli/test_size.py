"""`bitboot lookup --size`."""

from __future__ import annotations

from typing import Any

import pytest

from bitboot_core import Announces, BackendTimeout, Capabilities, Scope, SwarmSize
from bitboot_core.testing import FakeBackend, answers, fails, hangs

from .conftest import Cli, Served

CAN = Capabilities(can_withdraw=True, announces=Announces.ANY_ADDRESS, scope=Scope.PROCESS, sizes=True)


def counting(**acts: Any) -> FakeBackend:
    return FakeBackend(capabilities=CAN, **acts)


TOLD = SwarmSize(seeds=2, peers=118, asked=21, answered=8)


def test_a_size_is_printed_as_json(cli: Cli, served: Served) -> None:
    backend = counting(size=answers(TOLD))
    served.add("fake", backend)
    result = cli("lookup", "mynet", "--network", "fake", "--size", "--json")
    assert (result.status, result.err) == (0, "")
    ready, size, done = result.events
    assert ready["event"] == "ready"
    numbers = {"seeds": 2, "peers": 118, "asked": 21, "answered": 8}
    assert size == {"event": "size", "swarm": "mynet", "network": "fake", **numbers}
    assert (done["event"], "peers" in done) == ("done", False)
    assert backend.count("lookup") == 0


def test_a_size_is_told_in_words(cli: Cli, served: Served) -> None:
    served.add("fake", counting(size=answers(TOLD)))
    lines = cli("lookup", "mynet", "--network", "fake", "--size").out.splitlines()
    assert lines[1] == "size: mynet on fake, about 118 peers and 2 seeds, as 8 nodes of 21 asked tell"
    served.add("exact", counting(size=answers(SwarmSize(seeds=0, peers=1))))
    lines = cli("lookup", "mynet", "--network", "exact", "--size").out.splitlines()
    assert lines[1] == "size: mynet on exact, about 1 peer"


def test_each_network_tells_its_own_and_who_cannot_says_so(cli: Cli, served: Served) -> None:
    served.add("one", counting(size=answers(TOLD)))
    served.add("other", FakeBackend())
    result = cli("lookup", "mynet", "--network", "one", "--network", "other", "--size", "--json")
    assert result.status == 0
    assert [event["network"] for event in result.named("size")] == ["one"]
    (failed,) = result.named("error")
    assert (failed["error"], failed["network"]) == ("UnsupportedOperation", "other")


def test_an_empty_swarm_is_one_of_nobody(cli: Cli) -> None:
    result = cli("lookup", "mynet", "--network", "local", "--size")
    assert result.status == 0
    assert "size: mynet on local, about 0 peers" in result.out
    assert cli("lookup", "mynet", "--network", "local", "--size", "--fail-empty").status == 3


def test_where_nobody_answers_it_fails(cli: Cli, served: Served) -> None:
    served.add("fake", counting(size=fails(BackendTimeout("none of the 8 nodes asked answered"))))
    result = cli("lookup", "mynet", "--network", "fake", "--size", "--fail-empty")
    assert result.status == 1
    assert "none of the 8 nodes asked answered" in result.err


def test_it_ends_at_its_timeout(cli: Cli, served: Served) -> None:
    served.add("fake", counting(size=hangs()))
    result = cli("lookup", "mynet", "--network", "fake", "--size", "--timeout", "0.1", "--json")
    assert result.status == 1
    assert [event["error"] for event in result.named("error")] == ["BackendTimeout"]


@pytest.mark.parametrize(
    "option", [["--limit", "3"], ["--wait", "3"], ["-q"], ["--quiet"], ["--format", "{host}"]]
)
def test_what_asks_for_peers_goes_with_no_size(cli: Cli, served: Served, option: list[str]) -> None:
    served.add("fake", counting(size=answers(TOLD)))
    result = cli("lookup", "mynet", "--network", "fake", "--size", *option)
    assert result.status == 2
    assert "--size fetches no peers" in result.err
