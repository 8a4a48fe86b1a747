"""Hops, datagrams and time of a lookup against the size of the network."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from .result import Check, Plot, Result, at_least, percent
from .trips import Trip, travel
from .worlds import LATENCY_TEXT, announce, key, network

SEEDS = (1,)
QUICK_SEEDS = (1, 2, 3)
"""Two networks of some dozen nodes say little of growth, six say more."""

SIZES = (100, 300, 1000, 3000, 10_000)
QUICK_SIZES = (50, 100)
"""Not smaller: where nodes know fewer than 24 others lookups ask more of them at once, and end sooner."""

PEERS = (1, 10, 50)
FINDERS = 50
CPU_LIMIT = 75.0
MEMORY_LIMIT_MIB = 1024


@dataclass(frozen=True, slots=True)
class Measured:
    """What lookups took in a network of one size, and what it took to bring that together.

    `hops`, `datagrams`: in the mean; `first`, `seconds`: in the median; `complete`: the share of the lookups.
    """

    size: int
    hops: float
    most_hops: int
    datagrams: float
    first: float
    seconds: float
    complete: float
    cpu: float
    memory: float

    @property
    def row(self) -> list[str]:
        """As the table has it."""
        return [
            f"{self.size:,}",
            f"{self.hops:.2f} ({self.most_hops})",
            f"{self.datagrams:.1f}",
            f"{self.first:.2f} s",
            f"{self.seconds:.2f} s",
            percent(self.complete),
            f"{self.cpu:.0f} s",
            f"{self.memory:.0f} MiB",
        ]


GROWING: dict[str, Callable[[Measured], float]] = {
    "hops": attrgetter("hops"),
    "datagrams": attrgetter("datagrams"),
    "seconds": attrgetter("seconds"),
}
"""What may grow as the logarithm of a network's size does."""


def measured(size: int, seeds: Sequence[int]) -> Measured:
    """Networks of one size, of which nothing is kept: the next one is made in its memory."""
    cpu = memory = 0.0
    trips: list[Trip] = []
    complete: list[bool] = []
    for seed in seeds:
        started = time.process_time()
        simulation, nodes = network(size, seed=seed)
        cpu, memory = cpu + time.process_time() - started, peak_memory()
        for number, peers in enumerate(PEERS):
            announcers = simulation.rng.sample(nodes, min(peers, size // 2))
            expected = announce(simulation, announcers, key(number))
            rest = [node for node in nodes if node not in announcers]
            these = travel(simulation, simulation.rng.sample(rest, min(FINDERS, len(rest))), key(number))
            complete += [trip.found == expected for trip in these]
            trips += these
    return Measured(
        size,
        hops=statistics.fmean(trip.hops for trip in trips),
        most_hops=max(trip.hops for trip in trips),
        datagrams=statistics.fmean(trip.datagrams for trip in trips),
        first=statistics.median(trip.first or 0.0 for trip in trips),
        seconds=statistics.median(trip.seconds or 0.0 for trip in trips),
        complete=sum(complete) / len(complete),
        cpu=cpu,
        memory=memory,
    )


def run(*, quick: bool) -> Result:
    """Measure."""
    sizes, seeds = (QUICK_SIZES, QUICK_SEEDS) if quick else (SIZES, SEEDS)
    networks = [measured(size, seeds) for size in sizes]
    smallest, largest = networks[0], networks[-1]
    share = min(one.complete for one in networks)
    checks = [at_least("lookups that find every peer (1, 10 and 50 of them), no loss, no churn", share, 1.0)]
    # From 100 to 10,000 nodes the logarithm doubles: so may what a lookup takes.
    factor = math.log(largest.size) / math.log(smallest.size)
    growth = {
        name: [(float(one.size), of(one) / of(smallest)) for one in networks] for name, of in GROWING.items()
    }
    checks += [
        Check(
            f"growth of {name} a lookup from {smallest.size:,} to {largest.size:,} nodes",
            f"at most {factor:.2f} times, as the logarithm",
            f"{points[-1][1]:.2f} times",
            points[-1][1] <= factor,
        )
        for name, points in growth.items()
    ]
    cpu, memory, what = largest.cpu, largest.memory, f"{largest.size:,} nodes"
    checks.append(Check(what, "75 CPU seconds at most, compiled", f"{cpu:.0f} s", cpu <= CPU_LIMIT))
    checks.append(Check(what, "1 GiB at most, compiled", f"{memory:.0f} MiB", memory <= MEMORY_LIMIT_MIB))
    return Result(
        name="scale",
        title="Lookups against the size of the network",
        setup=f"Seed {', '.join(map(str, seeds))}; {LATENCY_TEXT}. In each network 1, 10 and 50 peers are "
        f"announced under a key each, and {FINDERS} other nodes look each key up. Hops: how many nodes, one "
        "after another, led to the closest one that answered (mean, and the most). Datagrams: queries "
        "and answers together. The last two columns are the cost of bringing the network together, "
        "and the most memory that the process has had by then.",
        columns=["nodes", "hops", "datagrams", "first peer", "whole lookup", "complete", "CPU", "memory"],
        rows=[one.row for one in networks],
        plot=Plot(
            "nodes",
            "relative to the smallest network",
            growth
            | {"logarithm": [(size, math.log(size) / math.log(smallest.size)) for size, _ in growth["hops"]]},
            logarithmic_x=True,
        ),
        checks=checks,
    )


def peak_memory() -> float:
    """The most that this process has had, in MiB; 0 where the system does not say."""
    try:
        import resource  # noqa: PLC0415 - POSIX has it, Windows does not
    except ImportError:
        return 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
