"""How many nodes there are, by how close lookups come to their targets."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.lookup.population import ENOUGH, KEPT, Nodes, Population
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import Simulation
from hypothesis import given
from hypothesis import strategies as st

SPACE = 1 << 160
K = 8


def looked_up(nodes: int, lookups: int, seed: int = 1) -> Population:
    """What lookups by chance find in a network of that many nodes."""
    rng = random.Random(seed)
    ids = [rng.getrandbits(160) for _ in range(nodes)]
    population = Population()
    for number in range(lookups):
        target = bytes([number % 256]) + rng.randbytes(19)
        distances = sorted(one ^ int.from_bytes(target, "big") for one in ids)
        population.note(target, K, distances[K - 1], 1.0)
    return population


def told(population: Population) -> Nodes:
    found = population.estimate()
    assert found is not None
    return found


@pytest.mark.once
@pytest.mark.parametrize("nodes", [300, 1000, 3000, 10_000])
def test_it_is_within_15_percent_and_its_bounds_hold(nodes: int) -> None:
    found = told(looked_up(nodes, KEPT))
    assert found.about == pytest.approx(nodes, rel=0.15)
    assert found.low <= nodes <= found.high
    assert found.high - found.low < 0.45 * nodes


def test_the_bounds_are_wider_where_less_is_known() -> None:
    few, many = told(looked_up(1000, ENOUGH)), told(looked_up(1000, KEPT))
    assert few.low < many.low <= many.about <= many.high < few.high


def test_while_few_lookups_have_told_there_is_no_estimate() -> None:
    assert looked_up(100, ENOUGH - 1).estimate() is None
    assert looked_up(100, ENOUGH).estimate() is not None


def test_who_crowds_in_about_some_keys_changes_little() -> None:
    population = looked_up(1000, 64)
    for number in range(10):
        population.note(bytes([number]) + bytes(19), K, 1_000, 1.0)
    assert told(population).about == pytest.approx(1000, rel=0.25)


def test_one_that_claims_to_be_at_the_target_itself_is_one_lookup_of_many() -> None:
    population = looked_up(1000, 64)
    population.note(bytes(20), K, 0, 1.0)
    assert told(population).about == pytest.approx(1000, rel=0.25)


def test_the_same_place_again_and_again_counts_once() -> None:
    population = looked_up(1000, 32)
    before = population.estimate()
    for _ in range(1000):
        population.note(b"\xff" + random.Random(1).randbytes(19), K, 1, 1.0)
    assert told(population).about <= 1.3 * told(looked_up(1000, 32)).about
    assert before == looked_up(1000, 32).estimate()


def test_the_latest_lookups_count() -> None:
    population = Population()
    for number in range(256):
        population.note(bytes([number]) + bytes(19), K, SPACE // (100 if number < 128 else 1000), 1.0)
    assert told(population).about == pytest.approx(7_667, abs=2)


def test_ids_that_do_not_fit_are_counted_by_their_share() -> None:
    population = Population()
    for number in range(10):
        population.note(bytes([number]) + bytes(19), K, SPACE // 100, 0.5)
    assert told(population).about == pytest.approx(2 * 767, abs=2)


@given(st.integers(0, 2**32), st.integers(0, 300))
def test_whatever_was_found_it_is_a_number_within_its_bounds(seed: int, lookups: int) -> None:
    rng = random.Random(seed)
    noted = [
        (rng.randbytes(20), rng.randint(1, 8), rng.getrandbits(rng.randint(0, 160)), rng.uniform(0.01, 1))
        for _ in range(lookups)
    ]
    population = Population()
    for target, rank, distance, fitting in noted:
        population.note(target, rank, distance, fitting)
    found = population.estimate()
    if found is not None:
        assert 0 <= found.low <= found.about <= found.high


# On simulated networks; benchmarks/simulation/nodes.py has larger ones


def estimated(simulation: Simulation, node: Node, lookups: int) -> Nodes:
    for _ in range(lookups):
        simulation.find(node, simulation.rng.randbytes(20))
    found = node.population(4)
    assert found is not None
    return found


@pytest.mark.slow
def test_a_node_of_a_network_of_300_estimates_it_within_15_percent() -> None:
    simulation = Simulation(seed=300)
    nodes = simulation.populate(300)
    for node in nodes[:3]:
        assert estimated(simulation, node, 128).about == pytest.approx(300, rel=0.15)


@pytest.mark.once
def test_a_node_of_a_small_network_estimates_it_too() -> None:
    simulation = Simulation(seed=2)
    nodes = simulation.populate(40)
    assert estimated(simulation, nodes[7], 64).about == pytest.approx(40, rel=0.25)


def test_a_node_that_knows_nobody_says_nothing() -> None:
    node = Node(now=0.0, settings=Settings(), rng=random.Random(1))
    node.find_peers(b"k" * 20, lambda _: None, lambda: None, now=0.0)
    assert node.population(4) is None
