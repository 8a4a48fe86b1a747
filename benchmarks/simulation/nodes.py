"""How many nodes a network has, as its nodes estimate it from their own lookups."""

from __future__ import annotations

import statistics

from bitboot_btdht.lookup.population import Nodes
from bitboot_btdht.node import Node
from bitboot_btdht.simulation import Simulation

from .result import Check, Plot, Result, percent
from .worlds import LATENCY_TEXT, network

SEED = 24
SIZES = (300, 1000, 3000, 10_000)
QUICK_SIZES = (60,)
ASKERS = 5
LOOKUPS = (8, 16, 32, 64, 128)
MOST_WRONG = 0.15


def run(*, quick: bool) -> Result:
    """Measure."""
    rows = []
    wrong: dict[int, list[tuple[float, float]]] = {count: [] for count in LOOKUPS}
    worst = 0.0
    for size in QUICK_SIZES if quick else SIZES:
        simulation, nodes = network(size, seed=SEED)
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
        setup=f"Seed {SEED}; {LATENCY_TEXT}. {ASKERS} nodes look ids up by chance, and say after each number "
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


def estimates(simulation: Simulation, node: Node) -> list[Nodes]:
    """What a node says after each number of lookups."""
    told = []
    for number in range(1, LOOKUPS[-1] + 1):
        simulation.find(node, simulation.rng.randbytes(20))
        if number in LOOKUPS:
            said = node.population(4)
            assert said is not None
            told.append(said)
    return told
