"""Storing nodes that tell of peers who are not there: what a `find` and a `watch` still see, and its cost."""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import Callable

from bitboot_btdht.lookup.fair import WITNESSES
from bitboot_btdht.lookup.sampled import CROWD
from bitboot_btdht.node import Node
from bitboot_btdht.simulation import Liar, Simulation, public_address
from bitboot_btdht.wire import compact
from bitboot_btdht.wire.compact import Address
from bitboot_btdht.wire.node_id import distance, id_for

from bitboot_core import PeerJoined, Watch, swarm_key
from bitboot_core.testing import ManualClock

from .large_swarms import Find, find, on_node
from .result import Check, Plot, Result, percent
from .worlds import LATENCY_TEXT, PORT, SETTLE, announce, network

SEED = 17
NETWORKS = 3
"""What a lookup usually takes is a mean of so many: single ones differ by a third."""
SWARM = "a swarm of three"
LIMIT = 1000
TRIES = 5000
"""Ids that a liar draws, to keep the closest to the key: ten times closer than any honest node."""

STEP = 0.1
"""Simulated seconds between two looks of the watching program at what has arrived."""

SCANS = 3
"""Scans that a watch has made when somebody joins."""

PATIENCE = 180.0
"""Simulated seconds that a watch gets to see the newcomer."""

Fakes = Callable[[random.Random], list[Address]]


def run(*, quick: bool) -> Result:
    """Measure."""
    size = 60 if quick else 200
    attacks: list[tuple[str, int, Fakes | None]] = [
        ("nobody lies", 0, None),
        ("310 fakes", 1, _the_same),
        ("1,000 fresh fakes a reply", 1, _fresh),
        ("1,000 fresh fakes a reply", 2, _fresh),
        ("1,000 fresh fakes a reply", 3, _fresh),
    ]
    rows, checks = [], []
    plain = 0.0
    points: list[tuple[float, float]] = []
    for what, liars, fakes in attacks:
        finds: list[Find] = []
        found: list[float] = []
        scans: list[int] = []
        for number in range(NETWORKS):
            simulation, nodes = network(size, seed=SEED + number)
            rng = random.Random(number)
            if fakes is not None:
                _join(simulation, nodes, rng, liars, fakes)
            announcers = simulation.rng.sample(nodes, 4)
            expected = announce(simulation, announcers[:3], swarm_key(SWARM))
            finder = simulation.rng.choice([node for node in nodes if node not in announcers])
            one = asyncio.run(find(simulation, finder, SWARM, CROWD, LIMIT))
            finds.append(one)
            found.append(len(one.found & expected) / len(expected))
            if liars < WITNESSES:
                scans.append(asyncio.run(_watch(simulation, finder, announcers[3])))
        datagrams = statistics.fmean(one.datagrams for one in finds)
        plain = plain or datagrams
        points.append((liars, datagrams))
        rows.append(
            [
                what,
                str(liars),
                percent(statistics.fmean(found)),
                f"{statistics.fmean(len(one.found) for one in finds):.0f}",
                f"{datagrams:.0f}",
                str(max(scans)) if scans else "not measured",
            ]
        )
        name = f"{liars} liars, {what}"
        checks.append(Check(f"honest peers found, {name}", "100 %", rows[-1][2], min(found) == 1))
        if scans:
            seen = f"after {max(scans)}"
            checks.append(Check(f"a newcomer seen by a watch, {name}", "after 1 scan", seen, max(scans) == 1))
        if 0 < liars < WITNESSES:
            measured = f"{datagrams / plain:.1f}"
            required = "at most 3 times the usual"
            checks.append(Check(f"datagrams, {name}", required, measured, datagrams <= 3 * plain))
    return Result(
        name="fakes",
        title="Peers that are not there",
        setup=f"{NETWORKS} networks of {size} honest nodes, seeds from {SEED}; {LATENCY_TEXT}. The liars are "
        "nodes with fitting ids, closer to a swarm's key than any honest one, and answer every query with "
        f"peers who are not there. Three peers announce; one node finds the swarm with limit={LIMIT}, "
        f"and watches it. After {SCANS} scans a fourth announces: seen at which scan after that. Datagrams: "
        "all of the finder's, both ways.",
        columns=["lie", "liars", "honest peers found", "told of", "datagrams", "newcomer seen after scans"],
        rows=rows,
        plot=Plot("liars", "datagrams", {"datagrams": points}),
        checks=checks,
    )


def _join(simulation: Simulation, nodes: list[Node], rng: random.Random, liars: int, fakes: Fakes) -> None:
    """Put liars right beside the key, and into everybody's tables."""
    for _ in range(liars):
        id_, address = _beside(swarm_key(SWARM), rng)
        liar = Liar(address, id_, lambda: {b"values": fakes(rng)})
        simulation.put(address, liar)
        liar.greet(simulation.address_of(node) for node in nodes)
        simulation.flush(liar)
    simulation.advance(SETTLE)


def _beside(key: bytes, rng: random.Random) -> tuple[bytes, Address]:
    """An id and an address that it fits: of many the closest to the key."""
    addresses = [public_address(2_000_000 + rng.randrange(2_000_000)) for _ in range(TRIES)]
    pairs = [(id_for(address[:-2], rng), address) for address in addresses]
    return min(pairs, key=lambda pair: distance(pair[0], key))


def _the_same(rng: random.Random) -> list[Address]:
    return [public_address(4_000_000 + number, PORT) for number in range(310)]


def _fresh(rng: random.Random) -> list[Address]:
    return [public_address(4_000_000 + rng.randrange(1_000_000), PORT) for _ in range(1000)]


async def _watch(simulation: Simulation, node: Node, newcomer: Node) -> int:
    """After how many scans a watch has seen a newcomer."""
    clock = ManualClock(simulation.now)
    expected = compact.known_host(compact.with_port(simulation.address_of(newcomer), PORT))
    async with on_node(simulation, node, CROWD, clock) as bitboot, bitboot.watch(SWARM) as events:
        seen: list[int] = []
        reading = asyncio.create_task(_look_for(events, expected, seen))
        began = simulation.now
        announced = 0
        while not seen and simulation.now < began + PATIENCE:
            simulation.advance(STEP)
            await clock.advance(STEP)
            if not announced and events.scans["simulated"] >= SCANS:
                newcomer.announce(swarm_key(SWARM), PORT, lambda stored: None, now=simulation.now)
                simulation.flush(newcomer)
                simulation.advance(STEP)
                announced = events.scans["simulated"]
        reading.cancel()
        return (seen[0] if seen else 999) - announced + 1


async def _look_for(events: Watch, expected: object, seen: list[int]) -> None:
    async for event in events:
        if isinstance(event, PeerJoined) and event.peer.endpoint == expected:
            seen.append(events.scans["simulated"])
