"""Everyone offline, then a tenth of them back, with nothing but their saved contacts."""

from __future__ import annotations

from functools import partial

from bitboot_btdht.simulation import Program, Simulation
from bitboot_btdht.wire.compact import with_port

from .result import Check, Plot, Result, percent
from .worlds import LATENCY, LATENCY_TEXT, PORT, found, key, look, network

SEED = 7
MINUTES = (1.0, 2.0, 3.0, 4.0, 5.0, 10.0)
REQUIRED_WITHIN = 5.0
MEMBERS = 25
"""Of each swarm."""

FINDERS = 100
LIFE = 1800.0
"""Simulated seconds for which the network had lived."""


def run(*, quick: bool) -> Result:
    """Measure."""
    plans = ((80, 0.25, 1),) if quick else ((500, 0.1, 3),)
    spans = (0.0,) if quick else (0.0, 120.0)
    rows, checks = [], []
    lines: dict[str, list[tuple[float, float]]] = {}
    for size, share, worlds in plans:
        saved = [_contacts(size, SEED + world) for world in range(worlds)]
        for span in spans:
            sums: list[list[float]] = [[] for _ in MINUTES]
            for world in range(worlds):
                for index, shares in enumerate(_come_back(saved[world], share, span, SEED + world)):
                    sums[index] += shares
            results = [found(shares) for shares in sums]
            back = round(size * share)
            name = f"{back} of {size:,}, {'all at once' if not span else f'within {span:.0f} s'}"
            lines[name] = [(m, 100 * result.share) for m, result in zip(MINUTES, results, strict=True)]
            rows.append([name, *(percent(result.share) for result in results)])
            if share == 0.1 or quick:
                whole = results[MINUTES.index(REQUIRED_WITHIN)].share
                checks.append(
                    Check(
                        f"the swarm found by its members after {REQUIRED_WITHIN:g} min: {name}",
                        "100 %",
                        percent(whole),
                        whole == 1,
                    )
                )
    return Result(
        name="comeback",
        title="Everyone offline, a tenth back",
        setup=f"Seeds from {SEED}; {LATENCY_TEXT}. Every node of a network that is half an hour old is "
        "switched off. Some of them start again, with new ids and empty tables, from nothing but "
        "the contacts that they had saved, 100 at most, of which nine in ten are dead; there is no "
        f"bootstrap node. All are programs in swarms of {MEMBERS} to {2 * MEMBERS - 1}, and "
        f"{FINDERS} of them, by chance, look the swarms up. The figures are shares of all members "
        "found, so many minutes after the first start, in several networks. With one node in "
        "twenty back some are left whose contacts are all gone, and who are nobody's contact: they "
        "cannot be found by anything.",
        columns=["back", *(f"after {minutes:g} min" for minutes in MINUTES)],
        rows=rows,
        plot=Plot("minutes after the first start", "of the swarm found, %", lines),
        checks=checks,
    )


def _contacts(size: int, seed: int) -> dict[bytes, list[bytes]]:
    """What each node of a network would have saved, by address."""
    simulation, nodes = network(size, seed=seed)
    simulation.advance(LIFE)
    return {simulation.address_of(node): Program(simulation, node).contacts_to_keep() for node in nodes}


def _come_back(saved: dict[bytes, list[bytes]], share: float, span: float, seed: int) -> list[list[float]]:
    """At each moment, what members of the swarms find of the others' swarms and their own."""
    simulation = Simulation(seed=seed, latency=LATENCY)
    chosen = simulation.rng.sample(list(saved), round(len(saved) * share))
    swarms: list[list[Program]] = [[] for _ in range(max(1, len(chosen) // MEMBERS))]

    def start(number: int, address: bytes) -> None:
        program = Program(simulation, simulation.add(address), contacts=saved[address], port=PORT)
        swarms[number % len(swarms)].append(program)
        program.join(key(number % len(swarms)))
        program.start()

    for number, address in enumerate(chosen):
        simulation.after(simulation.rng.uniform(0, span), partial(start, number, address))
    moments = []
    for minutes in MINUTES:
        simulation.advance(60 * minutes - simulation.now)
        shares: list[float] = []
        nodes = [program.node for programs in swarms for program in programs]
        for number in range(len(swarms)):
            # Those who have not started yet are missing, and shall be counted as such.
            expected = {with_port(address, PORT) for address in chosen[number :: len(swarms)]}
            finders = simulation.rng.sample(nodes, min(FINDERS // len(swarms), len(nodes)))
            shares += look(simulation, finders, key(number), expected)
        moments.append(shares)
    return moments
