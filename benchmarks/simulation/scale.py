"""Hops, datagrams and time of a lookup against the size of the network."""

from __future__ import annotations

import math
import statistics
import time

from .result import Check, Plot, Result, at_least, percent
from .trips import Trip, travel
from .worlds import LATENCY_TEXT, announce, key, network

SEED = 1
SIZES = (100, 300, 1000, 3000, 10_000)
QUICK_SIZES = (30, 100)
PEERS = (1, 10, 50)
FINDERS = 50
CPU_LIMIT = 180.0
MEMORY_LIMIT_MIB = 4096


def run(*, quick: bool) -> Result:
    """Measure."""
    rows, hops, datagrams, seconds = [], [], [], []
    share = 1.0
    cpu = memory = 0.0
    sizes = QUICK_SIZES if quick else SIZES
    for size in sizes:
        started = time.process_time()
        simulation, nodes = network(size, seed=SEED)
        cpu = time.process_time() - started
        memory = peak_memory()
        trips: list[Trip] = []
        complete = []
        for number, peers in enumerate(PEERS):
            announcers = simulation.rng.sample(nodes, min(peers, size // 2))
            expected = announce(simulation, announcers, key(number))
            rest = [node for node in nodes if node not in announcers]
            these = travel(simulation, simulation.rng.sample(rest, min(FINDERS, len(rest))), key(number))
            complete += [trip.found == expected for trip in these]
            trips += these
        share = min(share, sum(complete) / len(complete))
        hops.append((float(size), statistics.fmean(trip.hops for trip in trips)))
        datagrams.append((float(size), statistics.fmean(trip.datagrams for trip in trips)))
        seconds.append((float(size), statistics.median(trip.seconds or 0.0 for trip in trips)))
        first = statistics.median(trip.first or 0.0 for trip in trips)
        rows.append(
            [
                f"{size:,}",
                f"{hops[-1][1]:.2f} ({max(trip.hops for trip in trips)})",
                f"{datagrams[-1][1]:.1f}",
                f"{first:.2f} s",
                f"{seconds[-1][1]:.2f} s",
                percent(sum(complete) / len(complete)),
                f"{cpu:.0f} s",
                f"{memory:.0f} MiB",
            ]
        )
    checks = [at_least("lookups that find every peer (1, 10 and 50 of them), no loss, no churn", share, 1.0)]
    # From 100 to 10,000 nodes the logarithm doubles: so may what a lookup takes.
    factor = math.log(sizes[-1]) / math.log(sizes[0])
    for what, points in (("hops", hops), ("datagrams", datagrams), ("seconds", seconds)):
        growth = points[-1][1] / points[0][1]
        checks.append(
            Check(
                f"growth of {what} a lookup from {sizes[0]:,} to {sizes[-1]:,} nodes",
                f"at most {factor:.2f} times, as the logarithm",
                f"{growth:.2f} times",
                growth <= factor,
            )
        )
    checks.append(Check(f"{sizes[-1]:,} nodes", "3 CPU minutes at most", f"{cpu:.0f} s", cpu <= CPU_LIMIT))
    checks.append(
        Check(f"{sizes[-1]:,} nodes", "4 GiB at most", f"{memory:.0f} MiB", memory <= MEMORY_LIMIT_MIB)
    )
    return Result(
        name="scale",
        title="Lookups against the size of the network",
        setup=f"Seed {SEED}; {LATENCY_TEXT}. In each network 1, 10 and 50 peers are announced under a key "
        f"each, and {FINDERS} other nodes look each key up. Hops: how many nodes, one after "
        "another, led to the closest one that answered (mean, and the most). Datagrams: queries "
        "and answers together. The last two columns are the cost of bringing the network together, "
        "and the process's memory by then.",
        columns=["nodes", "hops", "datagrams", "first peer", "whole lookup", "complete", "CPU", "memory"],
        rows=rows,
        plot=Plot(
            "nodes",
            "relative to the smallest network",
            {
                name: [(x, y / points[0][1]) for x, y in points]
                for name, points in (("hops", hops), ("datagrams", datagrams), ("seconds", seconds))
            }
            | {"logarithm": [(size, math.log(size) / math.log(sizes[0])) for size in map(float, sizes)]},
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
