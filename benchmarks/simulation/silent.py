"""A fifth of the nodes answer nobody: broken ones, read-only ones that do not say so, NATs."""

from __future__ import annotations

import statistics

from bitboot_btdht.simulation import Mute

from .result import Plot, Result, at_least, percent
from .trips import travel
from .worlds import LATENCY_TEXT, announce, found, key, network, others

SEED = 9
SHARES = (0.0, 0.2, 0.4)
REQUIRED_AT = 0.2
KINDS = ("fell silent", "never answered", "behind a NAT")


def run(*, quick: bool) -> Result:
    """Measure."""
    size, keys, finders, peers = (60, 2, 5, 5) if quick else (500, 10, 30, 20)
    rows, checks = [], []
    lines: dict[str, list[tuple[float, float]]] = {}
    for kind in KINDS:
        lines[kind] = []
        for share in (0.2,) if quick else SHARES:
            simulation, nodes = network(round(size * (1 - share)), seed=SEED)
            # Silent ones that came like everybody else, and are in everybody's tables.
            silent = simulation.populate(size - len(nodes)) if kind == "fell silent" else []
            while len(nodes) + len(silent) < size:
                node = simulation.add()
                address = simulation.address_of(node)
                silent.append(node)
                if kind == "behind a NAT":
                    simulation.network.put_behind_nat(address)
                else:
                    simulation.put(address, Mute(node))
                contacts = [simulation.address_of(other) for other in simulation.rng.sample(nodes, 3)]
                node.bootstrap(contacts, lambda answered: None, now=simulation.now)
                simulation.flush(simulation.participants[address])
            simulation.advance(60)
            if kind == "fell silent":
                for node in silent:
                    simulation.put(simulation.address_of(node), Mute(node))
            shares: list[float] = []
            seconds: list[float] = []
            for number in range(keys):
                announcers = simulation.rng.sample(nodes, peers)
                expected = announce(simulation, announcers, key(number))
                trips = travel(simulation, others(simulation, nodes, finders, *announcers), key(number))
                shares += [len(trip.found & expected) / len(expected) for trip in trips]
                seconds += [trip.seconds or 0.0 for trip in trips]
                simulation.advance(20)
            result = found(shares)
            lines[kind].append((100 * share, 100 * result.share))
            rows.append(
                [
                    kind,
                    percent(share),
                    percent(result.share),
                    percent(result.complete),
                    f"{statistics.median(seconds):.2f} s",
                    f"{max(seconds):.2f} s",
                ]
            )
            if share == REQUIRED_AT:
                checks.append(
                    at_least(f"peers found, {percent(share)} of the nodes {kind}", result.share, 0.99)
                )
    return Result(
        name="silent",
        title="Nodes that answer nobody",
        setup=f"{size} nodes, seed {SEED}; {LATENCY_TEXT}. A share of them asks as all do, but answers "
        "nobody: they fell silent once they were in everybody's tables, or never answered, or sit "
        f"behind a NAT that lets in only those that they have asked. {keys} keys; {peers} peers announce "
        f"and {finders} nodes look each key up, all of them nodes that answer.",
        columns=["kind", "share", "peers found", "lookups that found all", "seconds, median", "longest"],
        rows=rows,
        plot=Plot("nodes that answer nobody, %", "peers found, %", lines),
        checks=checks,
    )
