"""Networks that come and go under programs that stay, as docs/programs.md says: announced within a minute."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .changes import plug, pull, readdress
from .lab import Lab, wait_for
from .nodes import announced, ask, events, start_bitboot, start_command, start_public_nodes
from .process import Process
from .topology import OUTSIDE, PUBLIC, SECOND_ADDRESS, gateway

pytestmark = pytest.mark.slow

OUTAGE = 120.0
MINUTE = 60.0
"""Within which a change of one's own network is announced (docs/programs.md)."""


def told(lab: Lab, label: str) -> list[dict[str, Any]]:
    """The events that a program has printed so far."""
    return events(lab.log_of(label).read_text())


def wait_until_found(lab: Lab, swarm: str, place: str, seconds: float = MINUTE) -> None:
    def found() -> bool:
        return place in ask(lab, "bb0", "find", swarm=swarm)["peers"]

    wait_for(found, f"{place} in {swarm}", seconds)


@pytest.fixture(scope="module")
def internet(lab: Lab) -> Lab:
    start_public_nodes(lab)
    return lab


@pytest.fixture(scope="module", autouse=True)
def outage(internet: Lab) -> float:
    """When the cable of the home `cone` was pulled. The other tests run meanwhile."""
    start_command(internet, "cone1", "outage", "join", "outage", "--port", "5001")
    wait_until_found(internet, "outage", f"{OUTSIDE['cone1']}:5001")
    pull(internet, "cone")
    return time.monotonic()


def start(lab: Lab, host: str, swarm: str) -> Process:
    return start_command(lab, host, swarm, "announce", swarm, "--port", "5001")


def test_another_address_by_dhcp(internet: Lab) -> None:
    program = start(internet, "free2", "dhcp")
    wait_until_found(internet, "dhcp", f"{PUBLIC['free2']}:5001")
    readdress(internet, "free2", PUBLIC["free2"], "99.5.1.10")
    wait_until_found(internet, "dhcp", "99.5.1.10:5001")
    assert program.stop() == 0


def test_failover_to_another_interface(internet: Lab) -> None:
    program = start(internet, "multi", "failover")
    wait_until_found(internet, "failover", f"{PUBLIC['multi']}:5001")
    internet.ip("multi", "link", "set", "eth0", "down")
    internet.ip("multi", "route", "add", "default", "via", gateway(SECOND_ADDRESS))
    wait_until_found(internet, "failover", f"{SECOND_ADDRESS}:5001")
    assert program.stop() == 0


def test_a_start_without_a_network(internet: Lab) -> None:
    internet.ip("lan1", "link", "set", "eth0", "down")
    node = start_bitboot(internet, "lan1")
    ask(internet, "lan1", "begin", swarm="late", port=5001)
    wait_for(lambda: "not ready" in internet.log_of("lan1").read_text(), "the bad news")
    internet.ip("lan1", "link", "set", "eth0", "up")
    internet.ip("lan1", "route", "add", "default", "via", "192.168.4.1")
    wait_until_found(internet, "late", f"{OUTSIDE['lan1']}:5001")
    node.stop()


def test_the_command_waits_for_a_network(internet: Lab) -> None:
    internet.ip("lan2", "link", "set", "eth0", "down")
    program = start(internet, "lan2", "patient")
    wait_for(lambda: any(event["event"] == "error" for event in told(internet, "patient")), "the bad news")
    internet.ip("lan2", "link", "set", "eth0", "up")
    internet.ip("lan2", "route", "add", "default", "via", "192.168.4.1")
    wait_until_found(internet, "patient", f"{OUTSIDE['lan2']}:5001")
    assert program.stop() == 0


def test_a_cable_that_was_pulled_for_two_minutes(internet: Lab, outage: float) -> None:
    program = start_command(internet, "free1", "newcomer", "announce", "outage", "--port", "5005")
    newcomer = (PUBLIC["free1"], 5005)
    wait_for(lambda: announced(internet, "newcomer"), "the newcomer")
    wait_for(lambda: time.monotonic() > outage + OUTAGE, "the end of the outage", OUTAGE)
    before = len(announced(internet, "outage"))
    plug(internet, "cone")
    wait_for(lambda: len(announced(internet, "outage")) > before, "the announcement", MINUTE)

    def joined() -> bool:
        return newcomer in {
            (event["host"], event["port"])
            for event in told(internet, "outage")
            if event["event"] == "peer-joined"
        }

    wait_for(joined, "the newcomer to be seen", MINUTE)
    assert "peer-left" not in {event["event"] for event in told(internet, "outage")}
    assert program.stop() == 0
