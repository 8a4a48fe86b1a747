"""A node that knows nobody yet and looks up through contacts of an earlier run, of which half are gone."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Iterable

import pytest
from bitboot_btdht.lookup.sampled import SampledSearches
from bitboot_btdht.node import Node
from bitboot_btdht.simulation import Simulation
from bitboot_btdht.wire.compact import Address

pytestmark = pytest.mark.once

ROUND_TRIP = 0.175
"""Seconds, the same between any two nodes: the median of those that were measured on the live DHT."""

SWARMS = [hashlib.sha1(b"swarm %d" % number).digest() for number in range(11)]


class Cold:
    """A node that has just been started, and looks a swarm up. Times in round trips from its start."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._began = simulation.now
        self.node: Node = simulation.add(read_only=True)
        self.first = math.inf
        self.found: set[Address] = set()
        self.ended = math.inf

    def trips(self) -> float:
        return (self._simulation.now - self._began) / ROUND_TRIP

    def look_up(self, swarm: bytes, through: Iterable[Address] = ()) -> SampledSearches:
        now = self._simulation.now
        return self.node.find_peers(swarm, self._tell, self._end, now=now, through=through)

    def run(self) -> None:
        self._simulation.run(self.node, lambda: self.ended < math.inf)

    def _tell(self, peers: list[Address]) -> None:
        self.first = min(self.first, self.trips())
        self.found.update(peers)

    def _end(self) -> None:
        self.ended = self.trips()


@pytest.fixture(scope="module")
def network() -> tuple[Simulation, list[Address]]:
    """A network with 5 peers in each swarm, and whom one of its nodes knew, of whom half have left since."""
    simulation = Simulation(seed=3, latency=lambda _: ROUND_TRIP / 2)
    nodes = simulation.populate(80)
    kept = nodes[7].alive_contacts()[:100]
    for swarm in SWARMS:
        simulation.announce_each(nodes[:5], swarm, 7000)
    for address in simulation.rng.sample(kept, len(kept) // 2):
        simulation.remove(simulation.participants[address])
    return simulation, kept


def test_the_first_peer_comes_within_two_round_trips(network: tuple[Simulation, list[Address]]) -> None:
    simulation, kept = network
    firsts = []
    for swarm in SWARMS:
        cold = Cold(simulation)
        cold.node.bootstrap(kept, lambda _: None, now=simulation.now)
        begun = cold.look_up(swarm, through=kept)
        cold.run()
        assert len(cold.found) == 5
        assert begun.is_thorough
        firsts.append(cold.first)
    assert statistics.median(firsts) <= 2.01


def test_after_the_bootstrap_it_would_take_more_than_twice_as_long(
    network: tuple[Simulation, list[Address]],
) -> None:
    """For a lookup of the node's own id waits for the contacts that are gone."""
    simulation, kept = network
    cold = Cold(simulation)
    bootstrapped: list[int] = []
    cold.node.bootstrap(kept, bootstrapped.append, now=simulation.now)
    simulation.run(cold.node, lambda: bool(bootstrapped))
    cold.look_up(SWARMS[0])
    cold.run()
    assert cold.first > 4


def test_where_all_are_gone_it_says_that_nobody_answered(
    network: tuple[Simulation, list[Address]],
) -> None:
    simulation, _ = network
    cold = Cold(simulation)
    begun = cold.look_up(SWARMS[0], through=[simulation.new_address() for _ in range(40)])
    cold.run()
    assert begun.unanswered
    assert not begun.is_thorough
    assert not cold.found


def test_where_too_few_are_left_it_says_so() -> None:
    simulation = Simulation(seed=4)
    nodes = simulation.populate(5)
    simulation.announce_each(nodes[:1], SWARMS[0], 7000)
    cold = Cold(simulation)
    begun = cold.look_up(SWARMS[0], through=[simulation.address_of(nodes[4])])
    cold.run()
    assert len(cold.found) == 1
    assert not begun.unanswered
    assert not begun.is_thorough, "5 nodes answered: others may know more"


def test_who_answers_gets_into_the_table() -> None:
    simulation = Simulation(seed=5)
    nodes = simulation.populate(30)
    cold = Cold(simulation)
    cold.look_up(SWARMS[0], through=[simulation.address_of(node) for node in nodes[:12]])
    cold.run()
    assert len(cold.node.tables[4]) >= 12
