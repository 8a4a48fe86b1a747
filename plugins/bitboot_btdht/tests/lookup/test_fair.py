"""Fair shares: nobody who tells of many peers crowds out what others tell of."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.lookup.fair import AT_ONCE, BELIEVED, DOUBTED, FairPeers, enough_witnesses
from bitboot_btdht.lookup.sampled import CROWD
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import Liar, Simulation, public_address
from bitboot_btdht.wire.compact import Address
from bitboot_btdht.wire.node_id import distance

HASH = b"\x12" * 20


def peers(teller: int, count: int, first: int = 0) -> list[Address]:
    return [public_address(1000 * teller + number) for number in range(first, first + count)]


def test_a_few_are_passed_on_at_once() -> None:
    fair = FairPeers()
    assert fair.told("one", peers(1, 10)) == peers(1, 10)
    assert fair.told("one", peers(1, 20)) == peers(1, 10, first=10), "each once"
    assert fair.told("one", peers(1, 1000)) == peers(1, AT_ONCE - 20, first=20)
    assert fair.told("two", [*peers(1, 5), *peers(2, 5)]) == peers(2, 5)
    assert fair.told("two", peers(1, 1, first=500)) == peers(1, 1, first=500), "told of by another as well"


def test_the_others_follow_one_of_each_in_turn() -> None:
    fair = FairPeers()
    fair.told("liar", peers(1, 1000))
    fair.told("honest", peers(2, AT_ONCE + 3))
    released = fair.release(believed=False)
    assert released[:6:2] == peers(1, 3, first=AT_ONCE)
    assert released[1:6:2] == peers(2, 3, first=AT_ONCE)
    assert len(released) == 3 + DOUBTED - AT_ONCE


@pytest.mark.parametrize(("believed", "share"), [(False, DOUBTED), (True, BELIEVED)])
def test_nobody_has_more_than_a_share_however_often_it_is_asked(believed: bool, share: int) -> None:
    fair = FairPeers()
    passed = len(fair.told("liar", peers(1, 1000)))
    passed += len(fair.release(believed=believed))
    for turn in range(2, 14):
        passed += len(fair.told("liar", peers(turn, 1000)))
    assert passed == share
    assert len(fair._passed) == share
    assert not any(fair._held.values()), "and nothing is kept in mind of the others"


@pytest.mark.parametrize(
    ("crowded", "asked", "enough"),
    [(0, 0, False), (1, 1, True), (1, 2, False), (2, 2, True), (2, 3, True), (2, 8, False), (3, 8, True)],
)
def test_a_crowd_needs_witnesses(crowded: int, asked: int, enough: bool) -> None:
    assert enough_witnesses(crowded, asked) is enough


# In a network


def world(liars: int, *, fresh: bool) -> tuple[Simulation, Node, set[Address]]:
    """Three honest peers, and liars right beside the key with 310, or ever new, peers who are not there."""
    simulation = Simulation(seed=5, settings=Settings(nodes_per_subnet=None))
    nodes = simulation.populate(50)
    rng = random.Random(1)

    def fakes() -> dict[bytes, list[Address]]:
        if not fresh:
            return {b"values": [public_address(2_000_000 + number) for number in range(310)]}
        return {b"values": [public_address(2_000_000 + rng.randrange(1_000_000)) for _ in range(1000)]}

    for number in range(liars):
        # On a local network: any id fits, so that these are the closest of all.
        address = bytes((10, 66, number, 1)) + b"\x1a\xe1"
        liar = Liar(address, HASH[:19] + bytes([number]), fakes)
        simulation.put(address, liar)
        liar.greet(simulation.address_of(node) for node in nodes)
        simulation.flush(liar)
    simulation.advance(5)
    nodes.sort(key=lambda node: distance(node.id, HASH))
    announcers = nodes[20:23]
    assert all(simulation.announce_each(announcers, HASH).values())
    return simulation, nodes[30], {simulation.address_of(node) for node in announcers}


def look(simulation: Simulation, node: Node) -> tuple[list[Address], int]:
    """Peers in the order in which they come, and how many get_peers were sent for them."""
    own, asked = simulation.address_of(node), [0]

    def count(now: float, source: Address, target: Address, datagram: bytes) -> None:
        asked[0] += source == own and b"9:get_peers" in datagram

    simulation.on_datagram = count
    found: list[Address] = []
    ended: list[bool] = []
    node.find_peers(HASH, found.extend, lambda: ended.append(True), now=simulation.now)
    simulation.run(node, lambda: bool(ended))
    simulation.on_datagram = None
    return found, asked[0]


@pytest.mark.once
@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("liars", [1, 2])
def test_one_liar_or_two_make_no_crowd(liars: int, fresh: bool) -> None:
    """310 fakes in one reply had 64 further keys looked up: 934 datagrams instead of 19."""
    _, usual = look(*world(0, fresh=fresh)[:2])
    simulation, node, honest = world(liars, fresh=fresh)
    found, asked = look(simulation, node)
    assert honest <= set(found)
    assert len(found) == len(set(found)) < CROWD
    assert asked <= 3 * usual


@pytest.mark.once
@pytest.mark.parametrize("liars", [1, 8])
def test_honest_peers_are_among_the_first_whatever_liars_add(liars: int) -> None:
    simulation, node, honest = world(liars, fresh=True)
    found, _ = look(simulation, node)
    assert honest <= set(found[:1000]), "so that a limit of 1,000 finds them"
    assert len(found) <= liars * BELIEVED + len(honest)
