"""Twelve members of a private swarm on the small internet know each other; outsiders find nobody."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bitboot_core import SwarmSecret

from .lab import Lab, wait_for
from .nodes import ask, events, lookup, side_by_side, start_bitboot, start_command
from .topology import BITBOOT, NODE_PORT, PUBLIC

pytestmark = pytest.mark.slow

SWARM = "friends"
SYMMETRIC = "random1"
ON_A_LAN = ("lan1", "lan2")
"""Behind one router, which lets neither out and in again: they meet on the local network."""

MEMBERS = (
    *("free0", "free1", "free2", "cone1", "short1", "cgn1", "full1", "upnp1", "six1"),
    *ON_A_LAN,
    SYMMETRIC,
)
PORTS = {member: 7001 + index for index, member in enumerate(MEMBERS)}
REACHED_BY_ALL = {"free0", "free1", "free2", "full1"}
"""Those that a node behind a symmetric NAT can call: the others let in who they called, at another port."""

WITHIN = 60.0
FIRST = [f"{PUBLIC[next(iter(BITBOOT))]}:{NODE_PORT}"]


def expected(member: str) -> set[int]:
    """The ports of all whom a member can know by the nature of their routers, itself among them or not."""
    if member == SYMMETRIC:
        return {PORTS[other] for other in REACHED_BY_ALL}
    return {
        PORTS[other]
        for other in MEMBERS
        if other != member and (other != SYMMETRIC or member in REACHED_BY_ALL)
    }


def known(lab: Lab, member: str) -> dict[int, str]:
    """The members that one has told of so far: their ports, and who they are."""
    told = events(lab.log_of(f"join-{member}").read_text())
    return {event["port"]: event["member"] for event in told if event["event"] == "peer-joined"}


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("secret") / "secret"
    file.write_text(SwarmSecret.generate().reveal())
    return file


@pytest.fixture(scope="module")
def took(lab: Lab, secret: Path, tmp_path_factory: pytest.TempPathFactory) -> float:
    """The public nodes are up, and all members have joined. The seconds until each knows whom it can know."""
    for host in BITBOOT:
        start_bitboot(
            lab,
            host,
            listen=f":{NODE_PORT}",
            bootstrap=[] if f"{PUBLIC[host]}:{NODE_PORT}" in FIRST else FIRST,
        )

    def is_up(host: str) -> None:
        wait_for(
            lambda: len(ask(lab, host, "status")["contacts"]) >= len(BITBOOT) - 1, f"{host} to know others"
        )

    side_by_side(is_up, BITBOOT)
    began = time.monotonic()
    for member, port in PORTS.items():
        networks = ["mainline", "lan"] if member in ON_A_LAN else ["mainline"]
        start_command(
            lab,
            member,
            f"join-{member}",
            *("join", SWARM, "--port", str(port), "--secret-file", str(secret), "--bootstrap", *FIRST),
            *("--state-dir", str(tmp_path_factory.mktemp(member))),
            *(word for network in networks for word in ("--network", network)),
        )
    for member in MEMBERS:
        wait_for(
            lambda member=member: expected(member) <= known(lab, member).keys(),  # type: ignore[misc]
            f"{member} to know the others",
            2 * WITHIN,
        )
    return time.monotonic() - began


def test_all_know_each_other_whose_routers_let_them(lab: Lab, took: float) -> None:
    assert took < WITHIN
    identities = known(lab, "free0")
    for member in MEMBERS:
        for port, identity in known(lab, member).items():
            assert identities.get(port, identity) == identity
    assert len(set(identities.values())) >= len(MEMBERS) - 1


def test_whose_router_lets_nobody_is_told_so(lab: Lab, took: float) -> None:
    def tells() -> bool:
        told = events(lab.log_of(f"join-{SYMMETRIC}").read_text())
        return any(one["event"] == "reachability" and one["reachability"] == "symmetric" for one in told)

    wait_for(tells, "random1 to know why")
    others = {PORTS[one] for one in MEMBERS} - expected(SYMMETRIC) - {PORTS[SYMMETRIC]}
    assert not others & known(lab, SYMMETRIC).keys()


def test_an_outsider_finds_nobody(lab: Lab, took: float, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text(SwarmSecret.generate().reveal())
    assert lookup(lab, "free3", SWARM, "--bootstrap", *FIRST, label="outsider") == []
    words = ["--bootstrap", *FIRST, "--secret-file", str(other)]
    assert lookup(lab, "free3", SWARM, *words, label="other-secret") == []


def test_a_newcomer_finds_who_can_be_reached(lab: Lab, took: float, secret: Path, tmp_path: Path) -> None:
    words = ["--bootstrap", *FIRST, "--secret-file", str(secret), "--state-dir", str(tmp_path)]
    found = lookup(lab, "free3", SWARM, *words, label="newcomer")
    assert {int(peer.rsplit(":", 1)[1]) for peer in found} >= {
        PORTS[one] for one in ("free0", "free1", "free2")
    }
