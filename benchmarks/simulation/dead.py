"""The share of peers found against the share of contacts that are dead."""

from __future__ import annotations

import statistics

from .result import Plot, Result, percent
from .trips import travel
from .worlds import LATENCY_TEXT, announce, found, key, network, others

SEED = 3
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8)


def run(*, quick: bool) -> Result:
    """Measure."""
    size, keys, finders, peers = (80, 2, 5, 5) if quick else (500, 10, 30, 20)
    rows, points, times = [], [], []
    for dead in SHARES:
        shares: list[float] = []
        seconds: list[float] = []
        for number in range(keys):
            # A network of its own for each key, so that nobody has learnt yet who is dead.
            simulation, nodes = network(size, seed=SEED + number)
            for node in others(simulation, nodes, round(dead * len(nodes))):
                simulation.remove(node)
            left = [node for node in nodes if simulation.is_there(node)]
            announcers = simulation.rng.sample(left, min(peers, len(left) // 2))
            expected = announce(simulation, announcers, key(number))
            rest = [node for node in left if node not in announcers]
            trips = travel(simulation, rest[:finders], key(number))
            shares += [len(trip.found & expected) / len(expected) for trip in trips]
            seconds += [trip.seconds or 0.0 for trip in trips]
        result = found(shares)
        points.append((100 * dead, 100 * result.share))
        times.append((100 * dead, statistics.median(seconds)))
        rows.append(
            [
                percent(dead),
                percent(result.share),
                percent(result.complete),
                f"{statistics.median(seconds):.2f} s",
                f"{max(seconds):.2f} s",
            ]
        )
    return Result(
        name="dead",
        title="Peers found against dead contacts",
        setup=f"{keys} networks of {size} nodes, seeds {SEED} to {SEED + keys - 1}; {LATENCY_TEXT}. A "
        f"share of the nodes is switched off at once. Right after that up to {peers} of those left "
        f"announce, and up to {finders} others look the key up for the first time, with tables in "
        "which that share is dead.",
        columns=["dead", "peers found", "lookups that found all", "seconds, median", "longest"],
        rows=rows,
        plot=Plot("dead contacts, %", "peers found, %", {"peers found": points}),
    )
