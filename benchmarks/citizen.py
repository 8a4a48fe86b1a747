"""What nodes behind NATs cost everybody else, on the small internet of tests/internet, with delays.

    python -m benchmarks.citizen [--homes bitboot|libtorrent|none] [--large] [--settle S] [--rounds N]

Every home runs a node that announces and looks up. Once they have been there for a while: how many contacts
in the tables of the public nodes are behind NATs, how long a lookup of what nobody announced takes, and how
long until an announcement of libtorrent is stored. It needs what tests/internet/README.md says, bitboot-core,
bitboot-btdht and libtorrent.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.internet import SETTLE, held_by
from tests.internet.lab import Lab, missing, wait_for
from tests.internet.nodes import (
    PROGRAMS,
    ask,
    key_of,
    side_by_side,
    start_bitboot,
    start_libtorrent,
    start_public_nodes,
)
from tests.internet.topology import BITBOOT, LIBTORRENT, NODE_PORT, OUTSIDE, PUBLIC

OURS, THEIRS, CRAWLER = "free2", "free1", "free3"
HOMES = ("cone1", "random1", "cgn1", "lan1", "lan2", "upnp1", "short1", "small1", "lossy1")
"""Those that strangers do not reach."""

FEW = 8
"""`Settings.few_contacts` of nodes that take a network of some 20 nodes for a large one."""

PORT = 30_000
ANNOUNCEMENTS = 10
PAUSE = 1.0
"""Seconds between two lookups of one node, so that nobody is banned for asking too much."""

BEHIND = {OUTSIDE[host] for host in HOMES}


def start_homes(lab: Lab, kind: str) -> None:
    """A node in every home, which announces and looks up."""
    if kind == "libtorrent":
        for host in HOMES:
            start_libtorrent(lab, host)
        side_by_side(lambda host: wait_for(lambda: contacts(lab, host) >= 1, f"{host}'s contacts"), HOMES)
        side_by_side(lambda host: ask(lab, host, "announce", keys=[key_of(host)], port=PORT), HOMES)
    elif kind == "bitboot":
        for host in HOMES:
            start_bitboot(lab, host, listen=f":{NODE_PORT}")
        side_by_side(lambda host: ask(lab, host, "announce", swarm=host, port=PORT), HOMES)
        side_by_side(lambda host: ask(lab, host, "find", swarm="nobody"), HOMES)


def contacts(lab: Lab, host: str) -> int:
    """How many contacts a libtorrent node has."""
    return int(ask(lab, host, "status")["contacts"])


def handed_out(lab: Lab) -> dict[str, list[tuple[int, int]]]:
    """Of the contacts that each public node tells others: how many there are, and how many behind NATs."""
    public = {**LIBTORRENT, **BITBOOT}
    command = [sys.executable, str(PROGRAMS / "known.py"), PUBLIC[CRAWLER], *public.values()]
    told = lab.call(CRAWLER, *command, timeout=300)
    known = {
        address: {contact.rsplit(":", 1)[0] for contact in found}
        for address, found in json.loads(told.splitlines()[-1]).items()
    }
    return {
        kind: [(len(known[address]), len(known[address] & BEHIND)) for address in hosts.values()]
        for kind, hosts in (("libtorrent", LIBTORRENT), ("Bitboot", BITBOOT))
    }


def time_empty_lookups(lab: Lab, rounds: int) -> list[float]:
    """Seconds until a lookup of what nobody announced has ended."""
    times = []
    for index in range(rounds):
        times.append(ask(lab, OURS, "find", swarm=f"nobody-{index}")["seconds"])
        time.sleep(PAUSE)
    return times


def time_announcements(lab: Lab) -> list[float]:
    """Seconds until the first public libtorrent node stored each announcement of libtorrent."""
    times = []
    for index in range(ANNOUNCEMENTS):
        key = key_of(f"announced-{index}")
        start = time.monotonic()
        ask(lab, THEIRS, "announce", keys=[key], port=PORT)
        time.sleep(SETTLE)
        held = held_by(lab, [key])
        times.append(min((when - start for one in held for when in one[key].values()), default=math.inf))
    return times


def row(name: str, times: Sequence[float]) -> str:
    """A row of the table: median, slowest tenth, slowest, in seconds."""
    ordered = sorted(times)
    p90 = ordered[math.ceil(0.9 * (len(ordered) - 1))]
    return f"| {name} | {statistics.median(ordered):.2f} / {p90:.2f} / {ordered[-1]:.2f} |"


def main() -> None:
    """Build the network, let it settle, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.citizen", description=__doc__)
    parser.add_argument("--homes", choices=["bitboot", "libtorrent", "none"], default="bitboot")
    parser.add_argument("--settle", type=float, default=420.0, help="seconds until it is measured")
    parser.add_argument("--rounds", type=int, default=100, help="lookups")
    parser.add_argument(
        "--large", action="store_true", help="public Bitboot nodes take this for a network of many nodes"
    )
    chosen = parser.parse_args()
    if problem := missing():
        raise SystemExit(problem)
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), delays=True) as lab:
        start_public_nodes(lab, **({"node": {"few_contacts": FEW}} if chosen.large else {}))
        start_libtorrent(lab, THEIRS)
        start_bitboot(lab, OURS)
        start_homes(lab, chosen.homes)
        time.sleep(chosen.settle)
        told = handed_out(lab)
        with ThreadPoolExecutor(2) as pool:
            lookups = pool.submit(time_empty_lookups, lab, chosen.rounds)
            announcements = pool.submit(time_announcements, lab)
            rows = [
                row("lookups that find nothing", lookups.result()),
                row("libtorrent's announcement, until the first node stored it", announcements.result()),
            ]
    print(f"\n{len(HOMES)} homes with nodes ({chosen.homes}), {chosen.settle:g} s after their start\n")
    print("| public nodes | contacts behind NATs, of those that each hands out |\n| --- | --- |")
    for kind, counts in told.items():
        print(f"| {kind} | {', '.join(f'{behind} of {known}' for known, behind in counts)} |")
    print("\n| | median / p90 / slowest, s |\n| --- | --- |")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
