"""Networks with nodes behind NATs among them: their tables hold nobody who cannot be reached."""

from __future__ import annotations

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import Simulation
from bitboot_btdht.table.newcomers import Newcomers
from bitboot_btdht.wire import compact
from bitboot_btdht.wire.compact import Address

from bitboot_core import swarm_key

pytestmark = pytest.mark.once

HASH = swarm_key("citizens")
LARGE = Settings(few_contacts=8)
"""What a network of some 30 nodes is taken for."""

SETTLED = 600.0
"""Seconds after which a network is no longer new."""


class Home:
    """A machine with a private address."""

    def outward(self, family: int) -> bytes | None:
        return compact.pack("192.168.1.5", 0)[:-2]

    def has(self, ip: bytes) -> bool:
        return False


def behind_nats(simulation: Simulation, count: int, machine: Home | None = None) -> list[Node]:
    """Nodes behind NATs; without a `machine` they do not say so, like many others in the real network."""
    nodes = [simulation.add(machine=machine) for _ in range(count)]
    for node in nodes:
        simulation.network.put_behind_nat(simulation.address_of(node))
    return nodes


def join(simulation: Simulation, nodes: list[Node], contact: Node) -> None:
    assert simulation.bootstrap_all((node, [simulation.address_of(contact)]) for node in nodes) == [1] * len(
        nodes
    )


def told_of(simulation: Simulation, nodes: list[Node]) -> set[Address]:
    """All whom these nodes take for alive, and tell others of."""
    return {contact.address for node in nodes for contact in node.tables[4] if not contact.failures}


def places(simulation: Simulation, nodes: list[Node]) -> set[Address]:
    return {simulation.address_of(node) for node in nodes}


@pytest.fixture
def settled() -> tuple[Simulation, list[Node]]:
    simulation = Simulation(seed=31, settings=LARGE)
    nodes = simulation.populate(30)
    simulation.advance(SETTLED)
    return simulation, nodes


def test_who_is_behind_a_nat_gets_into_no_table(settled: tuple[Simulation, list[Node]]) -> None:
    simulation, nodes = settled
    hidden = behind_nats(simulation, 10)
    join(simulation, hidden, nodes[0])
    for node in hidden:
        assert simulation.announce(node, HASH)
    assert simulation.find(nodes[7], HASH) == places(simulation, hidden)
    for _ in range(8):
        assert not told_of(simulation, nodes) & places(simulation, hidden)
        simulation.advance(300)


def test_who_came_in_the_first_minutes_is_found_out() -> None:
    """A network that is new takes everybody: it must not wait for itself."""
    simulation = Simulation(seed=32)
    nodes = simulation.populate(30)
    hidden = behind_nats(simulation, 8)
    join(simulation, hidden, nodes[0])
    simulation.advance(30)
    homes = places(simulation, hidden)
    assert told_of(simulation, nodes) & homes
    for node in hidden:
        simulation.remove(node)  # which others cannot tell from a NAT that has forgotten them
    simulation.advance(SETTLED)
    assert not told_of(simulation, nodes) & homes


def test_who_can_be_reached_is_in_tables_once_it_has_been_silent_for_some_minutes(
    settled: tuple[Simulation, list[Node]],
) -> None:
    simulation, nodes = settled
    newcomers = [simulation.add() for _ in range(5)]
    join(simulation, newcomers, nodes[0])
    simulation.advance(10)
    assert not told_of(simulation, nodes) & places(simulation, newcomers)
    simulation.advance(3600)
    assert told_of(simulation, nodes) >= places(simulation, newcomers)


def test_who_says_that_it_is_behind_a_nat_is_asked_nothing(settled: tuple[Simulation, list[Node]]) -> None:
    simulation, nodes = settled
    hidden = behind_nats(simulation, 5, Home())
    asked: list[Address] = []
    homes = places(simulation, hidden)
    simulation.on_datagram = lambda now, source, target, datagram: (
        asked.append(source) if target in homes and b"1:y1:q" in datagram else None
    )
    join(simulation, hidden, nodes[0])
    assert simulation.announce(hidden[0], HASH)
    assert simulation.find(hidden[1], HASH) == {simulation.address_of(hidden[0])}
    simulation.advance(1800)
    assert not asked
    assert not any(node.is_serving(4) for node in hidden)


def test_a_network_that_begins_with_a_node_of_old_does_not_wait() -> None:
    simulation = Simulation(seed=33)
    first = simulation.add()
    simulation.advance(24 * 3600)
    nodes = [simulation.add() for _ in range(30)]
    join(simulation, nodes, first)
    assert len(first.tables[4]) >= 8
    for node in nodes:
        assert simulation.announce(node, HASH) >= 8
    assert simulation.find(first, HASH) == places(simulation, nodes)


def test_a_network_that_begins_behind_a_forwarded_port_does_not_wait_either() -> None:
    """Nobody is in its table at first, so that it answers all; the first stranger then shows the way in."""
    simulation = Simulation(seed=34)
    first = simulation.add(machine=Home())
    simulation.advance(5)
    nodes = [simulation.add() for _ in range(5)]
    join(simulation, nodes, first)
    simulation.advance(SETTLED)
    latecomer = simulation.add()
    join(simulation, [latecomer], first)
    assert first.is_serving(4)
    assert simulation.announce(latecomer, HASH) >= 5
    assert simulation.find(nodes[0], HASH) == {simulation.address_of(latecomer)}


def test_newcomers_of_a_flood_are_bounded(settled: tuple[Simulation, list[Node]]) -> None:
    simulation, nodes = settled
    waiting: Newcomers = nodes[0]._surroundings.upkeep.newcomers[4]
    for number in range(2000):
        source = bytes((80 + number % 100, number >> 8, number & 255, 1)) + b"\x1a\xe1"
        query = b"d1:ad2:id20:" + number.to_bytes(20, "big") + b"e1:q4:ping1:t2:aa1:y1:qe"
        nodes[0].receive(query, source, simulation.now)
        nodes[0].outgoing()
    assert len(waiting) <= nodes[0].settings.max_newcomers


def test_an_answer_through_a_nat_that_has_just_seen_a_call_earns_no_place(
    settled: tuple[Simulation, list[Node]],
) -> None:
    """Whatever it is asked for, in a lookup for example: only a ping out of the blue shows anything."""
    simulation, nodes = settled
    (hidden,) = behind_nats(simulation, 1)
    join(simulation, [hidden], nodes[0])
    answered: list[object] = []
    home = simulation.address_of(hidden)
    assert nodes[0].query(home, b"find_node", {b"target": HASH}, answered.append, now=simulation.now)
    simulation.run(nodes[0], lambda: bool(answered))
    assert answered != [None]
    assert nodes[0].tables[4].get(home) is None
