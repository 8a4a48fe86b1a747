"""Bitboot beside stock libtorrent on the small internet of tests/internet, with delays and dead contacts.

    python -m benchmarks.internet [--rounds N] [--dead N]

One node of each on a host of its own, warm, alternated: seconds to the first peer of a swarm that somebody
else announced, and from the call to announce until the first and the last libtorrent node stored it. Prints
a table. It needs what tests/internet/README.md says, bitboot-core, bitboot-btdht and libtorrent.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.internet.lab import Lab, missing, wait_for
from tests.internet.nodes import (
    ask,
    key_of,
    side_by_side,
    start_bitboot,
    start_libtorrent,
    start_public_nodes,
)
from tests.internet.topology import BITBOOT, LIBTORRENT, PUBLIC

OURS, THEIRS = "free2", "free1"
PORT = 30_000
SETTLE = 30.0
"""Seconds in which an announcement reaches all nodes that it is going to reach: libtorrent takes 20."""

PAUSE = 1.0
"""Seconds between two lookups of one node, so that nobody is banned for asking too much."""

LIMIT = 15.0


def held_by(lab: Lab, keys: Sequence[str]) -> list[dict[str, dict[str, float]]]:
    """What each public libtorrent node stores under some keys: the peers, and when they were stored."""
    return side_by_side(lambda host: ask(lab, host, "holds", keys=list(keys))["peers"], LIBTORRENT)


def announce_all(lab: Lab, swarms: Sequence[str]) -> dict[str, str]:
    """Have the public libtorrent nodes announce the swarms; where each is to be found."""
    hosts = list(LIBTORRENT)
    announcers = {swarm: hosts[index % len(hosts)] for index, swarm in enumerate(swarms)}
    keys = [key_of(swarm) for swarm in swarms]

    def not_stored() -> list[str]:
        held = held_by(lab, keys)
        return [swarm for swarm in swarms if not any(answer[key_of(swarm)] for answer in held)]

    while left := not_stored():
        print(f"{len(left)} of {len(swarms)} swarms are to be announced", flush=True)
        for swarm in left[: 3 * len(hosts)]:
            ask(lab, announcers[swarm], "announce", keys=[key_of(swarm)], port=PORT)
        time.sleep(SETTLE)
    return {swarm: f"{PUBLIC[host]}:{PORT}" for swarm, host in announcers.items()}


def time_first_peers(lab: Lab, places: dict[str, str]) -> dict[str, list[float]]:
    """Seconds to the first peer of each swarm, infinite where it was not found."""
    firsts: dict[str, list[float]] = {OURS: [], THEIRS: []}
    for swarm, place in places.items():
        ours = ask(lab, OURS, "find", swarm=swarm)
        theirs = ask(lab, THEIRS, "find", key=key_of(swarm), until=[place], seconds=LIMIT)
        for host, answer in ((OURS, ours), (THEIRS, theirs)):
            firsts[host].append(answer["first"] if place in answer["peers"] else float("inf"))
        time.sleep(PAUSE)
    return firsts


def time_announcements(lab: Lab, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds until the first and the last libtorrent node stored each announcement."""
    stored: dict[str, list[tuple[float, float]]] = {OURS: [], THEIRS: []}
    for index in range(rounds):
        began = {}
        for host in (OURS, THEIRS):
            swarm = f"announced-by-{host}-{index}"
            began[host] = swarm, time.monotonic()
            if host == OURS:
                ask(lab, host, "announce", swarm=swarm, port=PORT)
            else:
                ask(lab, host, "announce", keys=[key_of(swarm)], port=PORT)
        time.sleep(SETTLE)
        for host, (swarm, start) in began.items():
            key = key_of(swarm)
            held = held_by(lab, [key])
            times = [when - start for answer in held for when in answer[key].values()]
            stored[host].append((min(times), max(times)) if times else (float("inf"), float("inf")))
    return stored


def row(name: str, ours: Sequence[float], theirs: Sequence[float]) -> str:
    """A row of the table: medians and the slowest tenth, in seconds."""

    def cell(times: Sequence[float]) -> str:
        ordered = sorted(times)
        lost = sum(one == float("inf") for one in times)
        text = f"{statistics.median(ordered):.3f} / {ordered[math.ceil(0.9 * (len(ordered) - 1))]:.3f}"
        return text + (f" ({lost} of {len(times)} lost)" if lost else "")

    ratio = statistics.median(ours) / statistics.median(theirs)
    return f"| {name} | {cell(ours)} | {cell(theirs)} | {ratio:.2f} |"


def main() -> None:
    """Build the network, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.internet", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=100, help="lookups of each; a tenth as many announcements"
    )
    parser.add_argument("--dead", type=int, default=8, help="contacts that fell silent")
    chosen = parser.parse_args()
    if problem := missing():
        raise SystemExit(problem)
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), delays=True, dead=chosen.dead) as lab:
        start_public_nodes(lab)
        start_libtorrent(lab, THEIRS)
        start_bitboot(lab, OURS)
        wait_for(lambda: ask(lab, THEIRS, "status")["contacts"] >= 8, "libtorrent's contacts", 120)
        wait_for(lambda: len(ask(lab, OURS, "status")["contacts"]) >= 8, "Bitboot's contacts", 120)
        places = announce_all(lab, [f"swarm-{index}" for index in range(chosen.rounds)])
        firsts = time_first_peers(lab, places)
        stored = time_announcements(lab, max(1, chosen.rounds // 10))
    hosts = f"{len(LIBTORRENT) + len(BITBOOT)} live hosts, {chosen.dead} dead ones"
    print(f"\n{chosen.rounds} rounds, {hosts}; median / p90, seconds\n")
    print("| | Bitboot | libtorrent | ratio |\n| --- | --- | --- | --- |")
    print(row("first peer", firsts[OURS], firsts[THEIRS]))
    for index, name in enumerate(("announced: first node", "announced: last node")):
        print(row(name, *([one[index] for one in stored[host]] for host in (OURS, THEIRS))))


if __name__ == "__main__":
    main()
