"""A network cut in two for hours, and merged again."""

from __future__ import annotations

from bitboot_btdht.node import Node
from bitboot_btdht.simulation import Participant, Program, Simulation

from .result import Check, Plot, Result, percent
from .worlds import LATENCY_TEXT, PORT, found, key, look, network, others

SEED = 6
MOMENTS = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0)
"""Minutes after the merge."""

LIMIT = 30.0
"""Within so many minutes of the merge everything must be found from everywhere: one renewal."""


def run(*, quick: bool) -> Result:
    """Measure."""
    size, swarms, peers, finders = (40, 2, 4, 3) if quick else (200, 8, 20, 10)
    cuts = (1.0,) if quick else (0.25, 1.0, 4.0)
    rows = []
    lines: dict[str, list[tuple[float, float]]] = {}
    checks = []
    for hours in cuts:
        simulation, nodes = network(size, seed=SEED)
        members: dict[bytes, list[Program]] = {}
        for number in range(swarms):
            chosen = simulation.rng.sample(nodes, peers)
            members[key(number)] = [Program(simulation, node, port=PORT) for node in chosen]
            for program in members[key(number)]:
                program.join(key(number))
                program.start()
        simulation.advance(60)
        half: set[Participant] = set(nodes[::2])
        simulation.network.partition(
            [simulation.address_of(node) for node in nodes if node not in half],
            [simulation.address_of(node) for node in half],
        )
        simulation.advance(3600 * hours)
        apart = _across(simulation, nodes, members, half, finders)
        simulation.network.merge()
        merged = simulation.now
        line: list[tuple[float, float]] = []
        for minutes in MOMENTS:
            simulation.advance(max(0.0, merged + 60 * minutes - simulation.now))
            line.append((minutes, 100 * found(_across(simulation, nodes, members, half, finders)).share))
        lines[f"{hours:g} h apart"] = line
        rows.append(
            [f"{hours:g} h", percent(found(apart).share), *(percent(share / 100) for _, share in line)]
        )
        last = line[-1][1] / 100
        checks.append(
            Check(
                f"peers of the other side found {LIMIT:g} minutes after {hours:g} h apart",
                "100 %",
                percent(last),
                last == 1,
            )
        )
    return Result(
        name="partition",
        title="Partition and merge",
        setup=f"{size} nodes, seed {SEED}; {LATENCY_TEXT}. {swarms} swarms of {peers} programs. The "
        "network is cut into halves, by chance, and put together again. Then nodes look up the "
        "swarms, and what counts is what they find of the peers that were on the other side.",
        columns=["apart for", "while apart", *(f"after {minutes:g} min" for minutes in MOMENTS)],
        rows=rows,
        plot=Plot("minutes after the merge", "peers of the other side found, %", lines),
        checks=checks,
    )


def _across(
    simulation: Simulation,
    nodes: list[Node],
    members: dict[bytes, list[Program]],
    half: set[Participant],
    finders: int,
) -> list[float]:
    """What each side finds of the other's peers."""
    shares: list[float] = []
    for info_hash, programs in members.items():
        for side in (True, False):
            there = {p.endpoint for p in programs if (p.node in half) != side}
            here = [node for node in nodes if (node in half) == side]
            if there:
                shares += look(simulation, others(simulation, here, finders // 2 or 1), info_hash, there)
    return shares
