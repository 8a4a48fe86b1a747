"""Everyone offline, then a tenth of them back, with nothing but their saved contacts."""

from __future__ import annotations

from bitboot_btdht.simulation import Program, Simulation

from .result import Check, Plot, Result, percent
from .worlds import LATENCY, LATENCY_TEXT, PORT, found, key, look, network

SEED = 7
MINUTES = (1.0, 2.0, 3.0, 4.0, 5.0, 10.0)
REQUIRED_WITHIN = 5.0


def run(*, quick: bool) -> Result:
    """Measure."""
    plans = ((80, 0.25, 1),) if quick else ((1000, 0.1, 5), (3000, 0.1, 2), (1000, 0.05, 3))
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
        setup=f"Seeds from {SEED}; {LATENCY_TEXT}. Every node of a network is switched off. Some of them "
        "start again, with new ids and empty tables, from nothing but the contacts that they had "
        "saved, 50 at most, of which nine in ten are dead; there is no bootstrap node. All are "
        "programs in one swarm, and each looks it up. The figures are shares of the others found, so "
        "many minutes after the first start, in several networks.",
        columns=["back", *(f"after {minutes:g} min" for minutes in MINUTES)],
        rows=rows,
        plot=Plot("minutes after the first start", "of the swarm found, %", lines),
        checks=checks,
    )


def _contacts(size: int, seed: int) -> dict[bytes, list[bytes]]:
    """What each node of a network would have saved, by address."""
    simulation, nodes = network(size, seed=seed)
    return {simulation.address_of(node): Program(simulation, node).contacts_to_keep() for node in nodes}


def _come_back(saved: dict[bytes, list[bytes]], share: float, span: float, seed: int) -> list[list[float]]:
    """At each moment, the share of the swarm that each of its members finds."""
    simulation = Simulation(seed=seed, latency=LATENCY)
    programs: list[Program] = []

    def start(address: bytes) -> None:
        program = Program(simulation, simulation.add(address), contacts=saved[address], port=PORT)
        programs.append(program)
        program.join(key(0))
        program.start()

    chosen = simulation.rng.sample(list(saved), round(len(saved) * share))
    for address in chosen:
        simulation.after(simulation.rng.uniform(0, span), lambda address=address: start(address))  # type: ignore[misc]
    moments = []
    for minutes in MINUTES:
        simulation.advance(60 * minutes - simulation.now)
        shares: list[float] = []
        everybody = {program.endpoint for program in programs}
        for program in programs[:: max(1, len(programs) // 100)]:
            shares += look(simulation, [program.node], key(0), everybody - {program.endpoint})
        moments.append(shares)
    return moments
