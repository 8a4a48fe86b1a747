"""Lookups in small networks: what it brings to ask more nodes at once, the closest and the quickest."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import RoundTrips, Simulation

from .result import Plot, Result, at_least, percent
from .trips import travel
from .worlds import SETTLE, announce, key

SIZES = (20, 30, 60, 100)
SEEDS = range(1, 11)
PEERS = 5
MEDIAN, SIGMA = 0.1, 0.5
"""Of the round trips, in seconds: as in the other experiments, but the same for all datagrams of a pair."""

IN_USE = Settings()
WAYS = {
    "three": Settings(hurried_alpha=IN_USE.alpha, first_of_few=IN_USE.alpha),
    "the closest alone": Settings(first_of_few=0),
    "the quickest too (in use)": IN_USE,
}


@dataclass
class Seen:
    """What lookups took, in seconds and datagrams, and whether they found all."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    datagrams: list[int] = field(default_factory=list)
    complete: list[bool] = field(default_factory=list)

    def look(self, size: int, seed: int, settings: Settings) -> None:
        """One network; each of its nodes that does not store the peers itself looks them up."""
        simulation = Simulation(seed=seed, settings=settings)
        simulation.network.round_trips = RoundTrips(MEDIAN, SIGMA, seed=seed)
        nodes = simulation.populate(size)
        simulation.advance(SETTLE)
        expected = announce(simulation, simulation.rng.sample(nodes, PEERS), key(seed))
        finders = [node for node in nodes if not node.store.get(key(seed), 4, PEERS, simulation.now)]
        for trip in travel(simulation, finders, key(seed)):
            self.first.append(trip.first or 0.0)
            self.whole.append(trip.seconds or 0.0)
            self.datagrams.append(trip.datagrams)
            self.complete.append(trip.found == expected)


def run(*, quick: bool) -> Result:
    """Measure."""
    rows, every = [], []
    lines: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for size in SIZES[:1] if quick else SIZES:
        for way, settings in WAYS.items():
            seen = Seen()
            for seed in SEEDS[:2] if quick else SEEDS:
                seen.look(size, seed, settings)
            every += seen.complete
            first, whole = statistics.median(seen.first), statistics.median(seen.whole)
            lines[way].append((size, 1000 * first))
            rows.append(
                [
                    str(size),
                    way,
                    f"{1000 * first:.0f} ms",
                    f"{1000 * whole:.0f} ms",
                    f"{statistics.fmean(seen.datagrams):.1f}",
                    percent(statistics.fmean(seen.complete)),
                ]
            )
    return Result(
        name="small",
        title="Lookups in small networks",
        setup=f"Each pair of nodes has a round trip, lognormal with a median of {MEDIAN:g} s and sigma "
        f"{SIGMA:g}; seeds {SEEDS[0]} to {SEEDS[-1]}. {PEERS} peers announce themselves once, then all nodes "
        "that do not store them look them up at the same time. Where a node knows fewer than 24 others its "
        f"lookups begin with up to {IN_USE.hurried_alpha} of the closest at once, and the quickest of the "
        f"others, {IN_USE.first_of_few} in all. Medians; datagrams in the mean.",
        columns=["nodes", "asked at once", "first peer", "whole lookup", "datagrams", "found all"],
        rows=rows,
        plot=Plot("nodes", "first peer, ms", lines),
        checks=[at_least("lookups in small networks that find every peer", statistics.fmean(every), 1)],
    )
