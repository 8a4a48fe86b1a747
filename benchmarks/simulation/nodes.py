"""How many nodes a network has, as its nodes estimate it from their own lookups."""

from __future__ import annotations

import random
import statistics
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from bitboot_btdht.lookup.population import Nodes
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import Simulation
from bitboot_btdht.wire.compact import Address
from bitboot_btdht.wire.node_id import id_for

from .result import Check, Plot, Result, percent
from .worlds import LATENCY, LATENCY_TEXT

SEEDS = range(24, 29)
SIZES = (300, 1000, 3000, 10_000)
QUICK_SIZES = (60,)
ASKERS = 5
LOOKUPS = (8, 16, 32, 64, 128)
MOST_WRONG = 0.15
"""No estimate of the first network of each size is farther off after most lookups."""

CLOSE = 0.1
NEARLY_ALL = 0.95
"""So many of the estimates after most lookups are that close. Their standard deviation is 4 % then; the one
that is furthest off, of hundreds, is a matter of chance."""

DEPTH = 40
"""Bits that the ids of two nodes may have in common: of 10,000 nodes hardly two have 27."""


def run(*, quick: bool) -> Result:
    """Measure."""
    rows = []
    wrong: dict[int, list[tuple[float, float]]] = {count: [] for count in LOOKUPS}
    close: list[bool] = []
    worst = 0.0
    seeds, askers = (SEEDS[:1], 2) if quick else (SEEDS, ASKERS)
    for size in QUICK_SIZES if quick else SIZES:
        found = [told for seed in seeds for told in each_estimates(size, seed, askers)]
        cells = [f"{size:,}"]
        for number, lookups in enumerate(LOOKUPS):
            said = [each[number] for each in found]
            errors = [nodes.about / size - 1 for nodes in said]
            furthest = max(errors, key=abs)
            wrong[lookups].append((float(size), 100 * statistics.fmean(map(abs, errors))))
            cells.append(f"{statistics.median(nodes.about for nodes in said):,.0f} ({100 * furthest:+.0f} %)")
            if lookups == LOOKUPS[-1]:
                close += [abs(error) <= CLOSE for error in errors]
                worst = max(worst, *map(abs, errors[:askers]))
        held = sum(nodes.low <= size <= nodes.high for each in found for nodes in each)
        rows.append([*cells, f"{held} of {len(found) * len(LOOKUPS)}"])
    share = statistics.fmean(close)
    return Result(
        name="nodes",
        title="Estimates of how many nodes there are",
        setup=f"{len(seeds)} networks of each size, seeds from {seeds[0]}; {LATENCY_TEXT}. Each node's table "
        "holds up to 8 nodes by chance of each part of the id space, as it fills in time. "
        f"{askers} nodes of each look ids up by chance, and say after each number of lookups how many nodes "
        "the network has: the median of what they say, by how much the one that is furthest off is wrong, "
        "and how many of all these estimates have bounds that hold.",
        columns=["nodes", *(f"{count} lookups" for count in LOOKUPS), "within its bounds"],
        rows=rows,
        plot=Plot(
            "nodes",
            "wrong by, mean of the nodes, %",
            {f"{count} lookups": points for count, points in wrong.items()},
            logarithmic_x=True,
        ),
        checks=[
            Check(
                f"the worst estimate of a node after {LOOKUPS[-1]} lookups, first networks",
                f"within {percent(MOST_WRONG)}",
                f"wrong by {percent(worst)}",
                worst <= MOST_WRONG,
            ),
            Check(
                f"estimates after {LOOKUPS[-1]} lookups that are within {percent(CLOSE)}",
                f"at least {percent(NEARLY_ALL)}",
                percent(share),
                share >= NEARLY_ALL,
            ),
        ],
    )


def each_estimates(size: int, seed: int, askers: int) -> list[list[Nodes]]:
    """What some nodes of one network say after each number of lookups."""
    simulation, nodes = filled(size, seed)
    return [estimates(simulation, node) for node in simulation.rng.sample(nodes, askers)]


def filled(size: int, seed: int) -> tuple[Simulation, list[Node]]:
    """A network whose nodes know whom they would know after some hours, which take long to simulate."""
    simulation = Simulation(seed=seed, latency=LATENCY, settings=Settings(first_looks=0))
    places: list[tuple[bytes, Address]] = []
    nodes = []
    for _ in range(size):
        address = simulation.new_address()
        node_id = id_for(address[:-2], simulation.rng)
        places.append((node_id, address))
        nodes.append(simulation.add(address, node_id=node_id))
    known = sorted(places)
    for node in nodes:
        for node_id, address in contacts(node.id, known, node.settings.k, simulation.rng):
            node.tables[4].answered(node_id, address, 0.0, 0.1)
    return simulation, nodes


def contacts(
    own: bytes, known: Sequence[tuple[bytes, Address]], k: int, rng: random.Random
) -> Iterator[tuple[bytes, Address]]:
    """Up to `k` of the nodes in each part of the id space: the other half, the other quarter of ours, ..."""
    number = int.from_bytes(own, "big")
    for bit in range(159, -1, -1):
        start = ((number >> bit) ^ 1) << bit
        first = bisect_left(known, (start.to_bytes(20, "big"), b""))
        end = start + (1 << bit)
        last = bisect_left(known, (end.to_bytes(20, "big"), b"")) if end < 1 << 160 else len(known)
        yield from rng.sample(known[first:last], min(k, last - first))
        if bit < 160 - DEPTH:
            return  # nobody is that close


def estimates(simulation: Simulation, node: Node) -> list[Nodes]:
    """What a node says after each number of lookups."""
    told = []
    before = 0
    for count in LOOKUPS:
        look_up(simulation, node, count - before)
        before = count
        said = node.population(4)
        assert said is not None
        told.append(said)
    return told


def look_up(simulation: Simulation, node: Node, count: int) -> None:
    """Look so many ids up at the same time."""
    ended: list[bool] = []
    for _ in range(count):
        key = simulation.rng.randbytes(20)
        node.find_peers(key, lambda _: None, lambda: ended.append(True), now=simulation.now)
    simulation.run(node, lambda: len(ended) == count)
