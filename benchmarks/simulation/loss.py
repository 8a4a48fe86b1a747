"""The share of peers found against the share of datagrams lost."""

from __future__ import annotations

from .result import Plot, Result, at_least, percent
from .worlds import LATENCY_TEXT, announce, found, key, look, network, others

SEED = 2
LOSSES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4)
PEERS = 50
REQUIRED_AT = 0.2


def run(*, quick: bool) -> Result:
    """Measure."""
    size, keys, finders, peers = (60, 2, 10, 10) if quick else (500, 20, 50, PEERS)
    rows, points, complete = [], [], []
    checks = []
    for loss in LOSSES:
        simulation, nodes = network(size, seed=SEED, loss=loss)
        shares: list[float] = []
        announced = 0
        for number in range(keys):
            announcers = simulation.rng.sample(nodes, peers)
            expected = announce(simulation, announcers, key(number))
            announced += len(expected)
            shares += look(simulation, others(simulation, nodes, finders, *announcers), key(number), expected)
            simulation.advance(20)  # what all asked at once has died down
        result = found(shares)
        points.append((100 * loss, 100 * result.share))
        complete.append((100 * loss, 100 * result.complete))
        rows.append(
            [percent(loss), f"{announced} of {keys * peers}", percent(result.share), percent(result.complete)]
        )
        if loss == REQUIRED_AT:
            checks.append(at_least(f"peers found at {percent(loss)} loss", result.share, 0.99))
    return Result(
        name="loss",
        title="Peers found against lost datagrams",
        setup=f"{size} nodes, seed {SEED}; {LATENCY_TEXT}. The loss is there from the first newcomer on. "
        f"{keys} keys with {peers} peers each, each announced once; {finders} nodes look each key "
        "up, once. Announced: how many announcements were stored on one node at least.",
        columns=["loss", "announced", "peers found", "lookups that found all"],
        rows=rows,
        plot=Plot("datagrams lost, %", "%", {"peers found": points, "lookups that found all": complete}),
        checks=checks,
    )
