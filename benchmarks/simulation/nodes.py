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

SEED = 24
SIZES = (300, 1000, 3000, 10_000)
QUICK_SIZES = (60,)
ASKERS = 5
LOOKUPS = (8, 16, 32, 64, 128)
MOST_WRONG = 0.15

DEPTH = 40
"""Bits that the ids of two nodes may have in common: of 10,000 nodes hardly two have 27."""


def run(*, quick: bool) -> Result:
    """Measure."""
    rows = []
    wrong: dict[int, list[tuple[float, float]]] = {count: [] for count in LOOKUPS}
    worst = 0.0
    for size in QUICK_SIZES if quick else SIZES:
        simulation, nodes = filled(size)
        askers = simulation.rng.sample(nodes, 2 if quick else ASKERS)
        found = [estimates(simulation, node) for node in askers]
        cells = [f"{size:,}"]
        for number, lookups in enumerate(LOOKUPS):
            said = [each[number] for each in found]
            errors = [nodes.about / size - 1 for nodes in said]
            furthest = max(errors, key=abs)
            wrong[lookups].append((float(size), 100 * statistics.fmean(map(abs, errors))))
            cells.append(f"{statistics.median(nodes.about for nodes in said):,.0f} ({100 * furthest:+.0f} %)")
            if lookups == LOOKUPS[-1]:
                worst = max(worst, abs(furthest))
        held = sum(nodes.low <= size <= nodes.high for each in found for nodes in each)
        rows.append([*cells, f"{held} of {len(askers) * len(LOOKUPS)}"])
    return Result(
        name="nodes",
        title="Estimates of how many nodes there are",
        setup=f"Seed {SEED}; {LATENCY_TEXT}. Each node's table holds up to 8 nodes by chance of each part of "
        f"the id space, as it fills in time. {ASKERS} nodes look ids up by chance, and say after each number "
        "of lookups how many nodes the network has: the median of what the five say, and by how much the "
        "one that is furthest off is wrong; and how many of all these estimates have bounds that hold.",
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
                f"the worst estimate of a node after {LOOKUPS[-1]} lookups",
                f"within {percent(MOST_WRONG)}",
                f"wrong by {percent(worst)}",
                worst <= MOST_WRONG,
            ),
        ],
    )


def filled(size: int) -> tuple[Simulation, list[Node]]:
    """A network whose nodes know whom they would know after some hours, which take long to simulate."""
    simulation = Simulation(seed=SEED, latency=LATENCY, settings=Settings(first_looks=0))
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
