"""Members of a swarm find each other's nodes and ask them: where NATs let that through, and where not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from .lab import Lab, wait_for
from .nodes import answers_ping, ask, side_by_side, start_bitboot, start_few_nodes
from .topology import OUTSIDE, PUBLIC

pytestmark = pytest.mark.slow

MEMBERS = ["free0", "free1", "cone1", "cgn1", "short1", "random1"]
PORTS = {member: 7001 + index for index, member in enumerate(MEMBERS)}
ADDRESS = {**PUBLIC, **OUTSIDE}
READ_ONLY = "free1"
SWARM = "members"
Places = dict[str, list[list[Any]]]


@pytest.fixture(scope="module")
def places(lab: Lab) -> Places:
    """Where a lookup finds each member's node, which has announced port 0 (BEP 5, implied_port)."""
    bootstrap = start_few_nodes(lab)

    def join(member: str) -> None:
        start_bitboot(
            lab, member, listen=f":{PORTS[member]}", bootstrap=bootstrap, read_only=member == READ_ONLY
        )
        ask(lab, member, "answer")
        ask(lab, member, "announce", swarm=SWARM, port=0)

    side_by_side(join, MEMBERS)
    listed = [peer.rsplit(":", 1) for peer in ask(lab, "free0", "find", swarm=SWARM)["peers"]]
    return {
        member: [[host, int(port)] for host, port in listed if host == ADDRESS[member]] for member in MEMBERS
    }


def asks(lab: Lab, one: str, other: str, places: Places) -> dict[str, Any]:
    return ask(lab, one, "request", places=places[other])


def both_ask(lab: Lab, one: str, other: str, places: Places) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(partial(asks, lab, places=places), (one, other), (other, one)))


def test_who_can_be_reached_answers_everybody(lab: Lab, places: Places) -> None:
    assert places["free0"] == [[PUBLIC["free0"], PORTS["free0"]]]
    others = [member for member in MEMBERS if member != "free0"]
    results = side_by_side(lambda member: asks(lab, member, "free0", places), others)
    answered = {"answered": [f"{PUBLIC['free0']}:{PORTS['free0']}"], "errors": []}
    assert dict(zip(others, results, strict=True)) == dict.fromkeys(others, answered)


def test_a_read_only_node_answers_requests_and_nothing_else(lab: Lab, places: Places) -> None:
    assert asks(lab, "free0", READ_ONLY, places)["answered"] == [f"{PUBLIC[READ_ONLY]}:{PORTS[READ_ONLY]}"]
    assert not answers_ping(lab, "free0", PUBLIC[READ_ONLY], PORTS[READ_ONLY])


def test_behind_a_nat_nobody_answers_to_one_side_alone(lab: Lab, places: Places) -> None:
    """And that is told as silence, not as a refusal."""
    assert asks(lab, "cone1", "short1", places) == {"answered": [], "errors": ["BackendTimeout"]}


@pytest.mark.parametrize("other", ["short1", "cgn1"])
def test_two_behind_cones_who_both_ask_get_through(lab: Lab, places: Places, other: str) -> None:
    there, back = both_ask(lab, "cone1", other, places)
    assert there["answered"] == [f"{ADDRESS[other]}:{PORTS[other]}"]
    assert back["answered"] == [f"{ADDRESS['cone1']}:{PORTS['cone1']}"]


def test_behind_a_symmetric_nat_they_do_not_and_are_told(lab: Lab, places: Places) -> None:
    assert places["random1"]
    results = both_ask(lab, "cone1", "random1", places)
    assert [result["answered"] for result in results] == [[], []]
    assert all(result["errors"] == ["BackendTimeout"] for result in results)
    wait_for(lambda: ask(lab, "random1", "status")["places"]["4"][0] == "symmetric", "random1 to know why")
