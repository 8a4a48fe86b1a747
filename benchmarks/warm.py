"""A program that starts with kept contacts of which half are gone: how many round trips its first peer takes.

    python -m benchmarks.warm [--rounds N] [--kept N]

On the small internet of tests/internet, where every pair of addresses has a delay of its own. A state folder
holds 100 contacts with their round trips; half of them are of nodes that are gone without a trace, which the
file does not tell. In each round a new process with the defaults starts from such a folder, and looks up a
swarm of 5 peers. Prints the time until its `BitBoot` is open, which is work and no waiting, and from then on
until the first peer and until the lookup's end, in milliseconds and in round trips of the median; and the
same with no contacts kept. Exits with 1 where the first peer takes more than 2 round trips in the median, or
where none is found.
It needs what tests/internet/README.md says, bitboot-core, bitboot-btdht and libtorrent.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.beside import announce_swarms, at
from bitboot_core import KnownHost
from bitboot_core._networks.kept_contacts import ContactFile
from tests.internet.lab import Lab, missing, wait_for
from tests.internet.nodes import PROGRAMS, start_public_nodes
from tests.internet.topology import BITBOOT, LIBTORRENT, NODE_PORT, PUBLIC

REQUIRED = 2.0
"""Round trips of the median to the first peer."""

HOST = "free2"
CROWDED = (*BITBOOT, "free1", "free3")
PORTS = tuple(str(NODE_PORT + number) for number in range(1, 5))
"""More nodes on some hosts, beside the public ones: with these there are 50."""


def start_more_nodes(lab: Lab) -> list[KnownHost]:
    """Have 50 public nodes in all; where they are."""
    start_public_nodes(lab)
    for host in CROWDED:
        lab.start(host, sys.executable, str(PROGRAMS / "several.py"), *PORTS, label=f"{host}-several")
    for host in CROWDED:
        log = lab.log_of(f"{host}-several")
        wait_for(lambda log=log: "ready" in log.read_text(), f"the nodes on {host}", 120)
    live = [KnownHost(PUBLIC[host], NODE_PORT) for host in (*LIBTORRENT, *BITBOOT)]
    return live + [KnownHost(PUBLIC[host], int(port)) for host in CROWDED for port in PORTS]


def call(lab: Lab, *words: str) -> Any:
    """What the program `cold.py` prints."""
    output = lab.call(HOST, sys.executable, str(PROGRAMS / "cold.py"), *words, timeout=180)
    return json.loads(output.splitlines()[-1])


def keep(folder: Path, live: dict[KnownHost, float], count: int, chance: random.Random) -> None:
    """Keep contacts of which half are gone: nobody could tell which, by their round trips or their places."""
    here = chance.sample(list(live), min(count // 2, len(live)))
    contacts = {contact: live[contact] for contact in here}
    while len(contacts) < 2 * len(here):
        # In networks of 20.x.x.x there is nobody, and what is sent there vanishes.
        gone = KnownHost(f"20.{chance.randrange(256)}.{chance.randrange(256)}.10", NODE_PORT)
        contacts[gone] = chance.choice(list(live.values()))
    order = list(contacts)
    chance.shuffle(order)
    ContactFile(folder / "contacts-mainline.json", "mainline").write(order, contacts)


def row(name: str, seconds: list[float], round_trip: float) -> str:
    """A row of the table."""

    def cell(unit: float, form: str) -> str:
        shown = (statistics.median(seconds), at(seconds, 0.75), at(seconds, 0.98))
        return " / ".join("never" if one == math.inf else format(one / unit, form) for one in shown)

    return f"| {name} | {cell(0.001, ',.0f')} | {cell(round_trip, '.1f')} |"


def main() -> None:
    """Build the network, measure, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.warm", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="lookups with kept contacts, and without")
    parser.add_argument("--kept", type=int, default=100, help="contacts that are kept, live and gone")
    chosen = parser.parse_args()
    if problem := missing():
        raise SystemExit(problem)
    chance = random.Random(1)
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, Lab(Path(folder), delays=True) as lab:
        live = start_more_nodes(lab)
        swarms = [f"swarm-{number}" for number in range(chosen.rounds)]
        places = announce_swarms(lab, swarms)
        took = call(lab, "trips", *map(str, live))
        trips = {contact: one for contact, one in zip(live, took, strict=True) if one is not None}
        for number, swarm in enumerate(swarms):
            for kept in (chosen.kept, 0):
                state = Path(folder) / f"state-{number}-{kept}"
                state.mkdir()
                keep(state, trips, kept, chance)
                answer = call(lab, "find", str(state), swarm)
                found = not set(places).isdisjoint(answer["peers"])
                opened = answer["opened"]
                for what in ("opened", "first peer", "whole lookup"):
                    since = opened if what == "opened" else answer[what.split()[0]] - opened
                    times.setdefault(f"{what}, {kept} kept", []).append(since if found else math.inf)
    median = statistics.median(trips.values())
    print(f"\n{len(trips)} of {len(live)} nodes answer; median round trip {1000 * median:.0f} ms")
    print(f"{chosen.rounds} rounds; median / p75 / p98\n\n| | ms | round trips |\n| --- | --- | --- |")
    for name, seconds in times.items():
        print(row(name, seconds, median))
    first = times[f"first peer, {chosen.kept} kept"]
    reached = statistics.median(first) / median
    if math.inf in first or not reached <= REQUIRED:
        raise SystemExit(f"the first peer took {reached:.1f} round trips: at most {REQUIRED:g} are required")


if __name__ == "__main__":
    main()
