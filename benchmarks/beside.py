"""Bitboot beside stock libtorrent: first peer and whole announcement, with delays and dead hosts.

    python -m benchmarks.beside [--rounds N] [--dead N]

On the small internet of tests/internet, where every pair of addresses has a delay of its own, and a third
of the hosts in the nodes' tables answers nobody. One node of each with its defaults, on a host of its own,
both started together and settled for the same time. Taking turns they look up swarms of 5 peers that
neither has asked for, until the first peer; then they announce, until the first and the last of the public
libtorrent nodes that come to store it. They start once the swarms are announced; one that our node comes to
store itself all the same is left out.

All that in six networks one after the other, four minutes each: every node has another id in each, and each
of three hosts is ours in two of them and libtorrent's in two, as some have nearer neighbours than others.
Prints a row for each network and a table of all, and exits with 1 where our median to the first peer is
more than 0.8 times libtorrent's. The machine is to do nothing else: ours, in Python, needs more of it.

It needs what tests/internet/README.md says, bitboot-core, bitboot-btdht and libtorrent.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

from benchmarks.internet import held_by
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

REQUIRED = 0.8
"""Our median to the first peer is to be at most so much of libtorrent's."""

PLACES = tuple(permutations(("free1", "free2", "free3"), 2))
"""The hosts of our node and of libtorrent's, in each network."""

PEERS = tuple(BITBOOT)[:5]
"""The hosts that announce themselves in each swarm: they store on the closest nodes, of both kinds."""

PORT = 30_000
SETTLE = 60.0
"""Seconds from when both know contacts until they are measured."""

STORED = 30.0
"""Seconds in which an announcement reaches all nodes that it is going to reach: libtorrent takes 20."""

PAUSE = 1.0
"""Seconds from one lookup to the next: libtorrent ignores who asks more than some 50 times in 10 seconds."""

REST = 4.0
"""Seconds from one announcement of a node to its next. Ours asks nobody more than 40 times in 10 seconds, and
in this network every announcement asks nearly everybody: at one a second they would wait for each other."""

LIMIT = 15.0
ENOUGH = 8


def announce_swarms(lab: Lab, swarms: Sequence[str]) -> list[str]:
    """Have the five announce themselves in all swarms; where they are."""

    def announce_all(host: str) -> None:
        for swarm in swarms:
            ask(lab, host, "announce", swarm=swarm, port=PORT)

    side_by_side(announce_all, PEERS)
    return [f"{PUBLIC[host]}:{PORT}" for host in PEERS]


@dataclass
class Measured:
    """What was measured of one node, ours or libtorrent's, in seconds."""

    first_peers: list[float] = field(default_factory=list)
    """Until the first peer of each swarm, infinite where none was found."""
    stored: list[list[float]] = field(default_factory=list)
    """From the call until each of the libtorrent nodes stored each announcement, in order."""


@dataclass(frozen=True)
class Pair:
    """Our node and libtorrent's in one network: their hosts. They take turns to go first."""

    lab: Lab
    ours: str
    theirs: str

    def start(self) -> None:
        """Start both, and let them settle."""
        start_libtorrent(self.lab, self.theirs)
        start_bitboot(self.lab, self.ours)
        wait_for(
            lambda: ask(self.lab, self.theirs, "status")["contacts"] >= ENOUGH, "libtorrent's contacts", 120
        )
        wait_for(
            lambda: len(ask(self.lab, self.ours, "status")["contacts"]) >= ENOUGH, "Bitboot's contacts", 120
        )
        time.sleep(SETTLE)

    def turns(self, number: int) -> tuple[str, str]:
        """The hosts, in the order of this round."""
        return (self.ours, self.theirs) if number % 2 else (self.theirs, self.ours)

    def time_first_peers(self, swarms: Sequence[str], places: Sequence[str]) -> dict[str, list[float]]:
        """`Measured.first_peers` of each host."""
        firsts: dict[str, list[float]] = {self.ours: [], self.theirs: []}
        for number, swarm in enumerate(swarms):
            if ask(self.lab, self.ours, "stores", key=key_of(swarm))["peers"]:
                continue
            for host in self.turns(number):
                if host == self.ours:
                    answer = ask(self.lab, host, "find", swarm=swarm)
                else:
                    answer = ask(self.lab, host, "find", key=key_of(swarm), until=places, seconds=LIMIT)
                found = not set(places).isdisjoint(answer["peers"])
                firsts[host].append(answer["first"] if found else math.inf)
            time.sleep(PAUSE)
        return firsts

    def time_announcements(self, rounds: int) -> dict[str, list[list[float]]]:
        """`Measured.stored` of each host."""
        began: dict[str, list[tuple[str, float]]] = {self.ours: [], self.theirs: []}
        for number in range(rounds):
            for host in self.turns(number):
                swarm = f"announced-by-{host}-{number}"
                began[host].append((key_of(swarm), time.monotonic()))
                if host == self.ours:
                    ask(self.lab, host, "begin", swarm=swarm, port=PORT)
                else:
                    ask(self.lab, host, "announce", keys=[key_of(swarm)], port=PORT)
                time.sleep(REST / 2)
        time.sleep(STORED)
        held = held_by(self.lab, [key for ones in began.values() for key, _ in ones])
        place = {host: f"{PUBLIC[host]}:{PORT}" for host in began}
        return {
            host: [
                sorted(node[key][place[host]] - start for node in held if place[host] in node[key])
                for key, start in ones
            ]
            for host, ones in began.items()
        }


def measure(lab: Lab, ours: str, theirs: str, rounds: int) -> tuple[Measured, Measured]:
    """All that is measured in one network: of our node, and of libtorrent's."""
    start_public_nodes(lab)
    swarms = [f"swarm-{number}" for number in range(rounds)]
    places = announce_swarms(lab, swarms)
    pair = Pair(lab, ours, theirs)
    pair.start()
    firsts, stored = pair.time_first_peers(swarms, places), pair.time_announcements(rounds)
    return Measured(firsts[ours], stored[ours]), Measured(firsts[theirs], stored[theirs])


def at(times: Iterable[float], share: float) -> float:
    """The time that this share of them does not exceed."""
    ordered = sorted(times)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def row(name: str, ours: Sequence[float], theirs: Sequence[float]) -> str:
    """A row of the table, in milliseconds: what was not reached is counted, and longer than all others."""

    def cell(times: Sequence[float]) -> str:
        lost = sum(one == math.inf for one in times)
        shown = (statistics.median(times), at(times, 0.75), at(times, 0.98))
        text = " / ".join("never" if one == math.inf else f"{1000 * one:,.0f}" for one in shown)
        return text + (f" ({lost} of {len(times)} never)" if lost else "")

    return f"| {name} | {cell(ours)} | {cell(theirs)} | {ratio(ours, theirs):.2f} |"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Our median by theirs."""
    return statistics.median(ours) / statistics.median(theirs)


def main() -> None:
    """Build the networks, measure, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside", description=__doc__)
    parser.add_argument("--rounds", type=int, default=17, help="lookups and announcements of each, a network")
    parser.add_argument("--dead", type=int, default=9, help="hosts in tables that answer nobody")
    chosen = parser.parse_args()
    if problem := missing():
        raise SystemExit(problem)
    ours, theirs = Measured(), Measured()
    heading = "| | Bitboot | libtorrent | ratio |\n| --- | --- | --- | --- |"
    print(f"First peer, ms: median / p75 / p98\n\n{heading}", flush=True)
    for place in PLACES:
        with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), delays=True, dead=chosen.dead) as lab:
            measured = measure(lab, *place, chosen.rounds)
        for total, one in zip((ours, theirs), measured, strict=True):
            total.first_peers += one.first_peers
            total.stored += one.stored
        firsts = [one.first_peers for one in measured]
        if firsts[0]:
            print(row("at {}, libtorrent at {}".format(*place), *firsts), flush=True)
    live = len(LIBTORRENT) + len(BITBOOT)
    print(
        f"\n{len(PLACES)} networks, {chosen.rounds} rounds each, {live} live hosts, {chosen.dead} dead ones\n"
    )
    left_out = len(PLACES) * chosen.rounds - len(ours.first_peers)
    print(f"{left_out} of the swarms were stored by our node itself, and are left out\n")
    print(heading)
    print(row("first peer", ours.first_peers, theirs.first_peers))
    for name, which in (("announced: first node", 0), ("announced: last node", -1)):
        times = [[one[which] if one else math.inf for one in node.stored] for node in (ours, theirs)]
        print(row(name, *times))
    counts = [statistics.mean(map(len, node.stored)) for node in (ours, theirs)]
    print(
        "\nlibtorrent nodes that stored an announcement, on average: {:.1f} of ours, {:.1f}".format(*counts)
    )
    reached = ratio(ours.first_peers, theirs.first_peers)
    if not reached <= REQUIRED:
        raise SystemExit(f"the first peer took {reached:.2f} times as long: at most {REQUIRED} is required")


if __name__ == "__main__":
    main()
