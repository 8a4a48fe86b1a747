"""Bitboot beside stock libtorrent: first peer and whole announcement, with delays and dead hosts.

    python -m benchmarks.beside [--networks N] [--rounds N] [--dead N]

On the small internet of tests/internet, where every pair of addresses has a delay of its own, and a third
of the hosts in the nodes' tables answers nobody. Three hosts run a node of each, with its defaults. So both
are as far from all others, and since an id has to fit the address (BEP 42), both ids are alike: what is left
is what each makes of it. All start together and settle for the same time. Taking turns they look up
swarms of 5 peers that they have not asked for, until the first peer; then they announce, until the first
and the last of the public libtorrent nodes that come to store it. They start once the swarms are announced;
one that a node of the host comes to store itself all the same is left out.

All that in several networks one after the other, four minutes each: every node has another id in each,
and every pair of addresses another delay, drawn anew; the same in every run of this program.
Prints a row for each host of each network and a table of all, and exits with 1 where our median to the
first peer is more than 0.8 times libtorrent's. The machine is to do nothing else: ours, in Python, needs
more of it.

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

HOSTS = ("free1", "free2", "free3")
"""Each runs a node of ours and one of libtorrent's."""

PEERS = tuple(BITBOOT)[:5]
"""The hosts that announce themselves in each swarm: they store on the closest nodes, of both kinds."""

PORT, THEIR_PORT = 30_000, 30_001
"""What is announced: nodes on one host are told apart by it."""

SETTLE = 60.0
"""Seconds from when all know contacts until they are measured."""

STORED = 30.0
"""Seconds in which an announcement reaches all nodes that it is going to reach: libtorrent takes 20."""

PAUSE = 1.0
"""Seconds from one round of lookups to the next: libtorrent ignores an address that asks more than some 50
times in 10 seconds."""

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
    """Our node and libtorrent's on one host. They take turns to go first."""

    lab: Lab
    host: str
    ours: Measured = field(default_factory=Measured)
    theirs: Measured = field(default_factory=Measured)

    @property
    def _theirs(self) -> str:
        return f"{self.host}-libtorrent"

    def start(self) -> None:
        """Start both, until they know contacts."""
        start_libtorrent(self.lab, self.host, self._theirs)
        start_bitboot(self.lab, self.host)
        wait_for(lambda: ask(self.lab, self._theirs, "status")["contacts"] >= ENOUGH, "libtorrent", 120)
        wait_for(lambda: len(ask(self.lab, self.host, "status")["contacts"]) >= ENOUGH, "Bitboot", 120)

    def look_up(self, swarm: str, places: Sequence[str], *, ours_first: bool) -> None:
        """Measure how soon each finds its first peer."""
        key = key_of(swarm)
        is_stored_here = ask(self.lab, self.host, "stores", key=key)["peers"]
        if is_stored_here or ask(self.lab, self._theirs, "holds", keys=[key])["peers"][key]:
            return
        for is_ours in (ours_first, not ours_first):
            if is_ours:
                answer = ask(self.lab, self.host, "find", swarm=swarm)
            else:
                answer = ask(self.lab, self._theirs, "find", key=key, until=places, seconds=LIMIT)
            found = not set(places).isdisjoint(answer["peers"])
            node = self.ours if is_ours else self.theirs
            node.first_peers.append(answer["first"] if found else math.inf)

    def announce(self, swarm: str, *, is_ours: bool) -> float:
        """Begin to announce; when that was."""
        began = time.monotonic()
        if is_ours:
            ask(self.lab, self.host, "begin", swarm=swarm, port=PORT)
        else:
            ask(self.lab, self._theirs, "announce", keys=[key_of(swarm)], port=THEIR_PORT)
        return began


def time_announcements(lab: Lab, pairs: Sequence[Pair], rounds: int) -> None:
    """`Measured.stored` of each node."""
    began: dict[str, tuple[Pair, bool, float]] = {}
    for number in range(rounds):
        for is_ours in (number % 2 > 0, number % 2 == 0):
            for pair in pairs:
                swarm = f"announced-by-{pair.host}-{number}-{is_ours}"
                began[key_of(swarm)] = pair, is_ours, pair.announce(swarm, is_ours=is_ours)
                time.sleep(REST / 2 / len(pairs))
    time.sleep(STORED)
    held = held_by(lab, list(began))
    for key, (pair, is_ours, start) in began.items():
        place = f"{PUBLIC[pair.host]}:{PORT if is_ours else THEIR_PORT}"
        node = pair.ours if is_ours else pair.theirs
        node.stored.append(sorted(one[key][place] - start for one in held if place in one[key]))


def measure(lab: Lab, rounds: int) -> list[Pair]:
    """All that is measured in one network."""
    start_public_nodes(lab)
    swarms = [f"swarm-{number}" for number in range(rounds)]
    places = announce_swarms(lab, swarms)
    pairs = [Pair(lab, host) for host in HOSTS]
    side_by_side(Pair.start, pairs)
    time.sleep(SETTLE)
    for number, swarm in enumerate(swarms):
        for pair in pairs:
            pair.look_up(swarm, places, ours_first=number % 2 > 0)
        time.sleep(PAUSE)
    time_announcements(lab, pairs, rounds)
    return pairs


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
    parser.add_argument("--networks", type=int, default=6, help="one after the other")
    parser.add_argument(
        "--rounds", type=int, default=17, help="lookups and announcements of each node in each"
    )
    parser.add_argument("--dead", type=int, default=9, help="hosts in tables that answer nobody")
    chosen = parser.parse_args()
    if problem := missing():
        raise SystemExit(problem)
    pairs: list[Pair] = []
    heading = "| | Bitboot | libtorrent | ratio |\n| --- | --- | --- | --- |"
    print(f"First peer, ms: median / p75 / p98\n\n{heading}", flush=True)
    for number in range(chosen.networks):
        with (
            tempfile.TemporaryDirectory() as folder,
            Lab(Path(folder), delays=True, draw=str(number), dead=chosen.dead) as lab,
        ):
            measured = measure(lab, chosen.rounds)
        for pair in measured:
            if pair.ours.first_peers:
                name = f"network {number}, {pair.host}"
                print(row(name, pair.ours.first_peers, pair.theirs.first_peers), flush=True)
        pairs += measured
    live = len(LIBTORRENT) + len(BITBOOT)
    size = f"{chosen.networks} networks, {chosen.rounds} rounds in each"
    print(f"\n{size}, {live} live hosts, {chosen.dead} dead ones\n")
    first_peers = [[time for pair in pairs for time in pair.ours.first_peers]]
    first_peers.append([time for pair in pairs for time in pair.theirs.first_peers])
    left_out = len(pairs) * chosen.rounds - len(first_peers[0])
    print(f"{left_out} times a node on the host stored the swarm itself, which is left out\n")
    print(heading)
    print(row("first peer", *first_peers))
    stored = [[each for pair in pairs for each in pair.ours.stored]]
    stored.append([each for pair in pairs for each in pair.theirs.stored])
    for name, which in (("announced: first node", 0), ("announced: last node", -1)):
        print(row(name, *([each[which] if each else math.inf for each in times] for times in stored)))
    counts = [statistics.mean(map(len, times)) for times in stored]
    print(
        "\nlibtorrent nodes that stored an announcement, on average: {:.1f} of ours, {:.1f}".format(*counts)
    )
    by_host = [
        ratio(pair.ours.first_peers, pair.theirs.first_peers) for pair in pairs if pair.ours.first_peers
    ]
    print(f"geometric mean of the ratios of all hosts: {statistics.geometric_mean(by_host):.2f}")
    reached = ratio(*first_peers)
    if not reached <= REQUIRED:
        raise SystemExit(f"the first peer took {reached:.2f} times as long: at most {REQUIRED} is required")


if __name__ == "__main__":
    main()
