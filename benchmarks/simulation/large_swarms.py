"""The share of a large swarm that one `find` tells of, and what it costs.

The finder is a whole BitBoot on the mainline backend; only the sockets and the clock are simulated.
The peers are read-only nodes that announce, one after another, under the swarm's key and their shard.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.lookup.sampled import CROWD
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import Simulation
from bitboot_btdht.udp import UdpDriver
from bitboot_btdht.wire import compact
from bitboot_btdht.wire.compact import Address

from bitboot_core import (
    BackendConfig,
    BackendSpec,
    BitBoot,
    Capabilities,
    KnownHost,
    NetworkDefinition,
    Registry,
    swarm_key,
)
from bitboot_core._swarms.shards import shard_key, shard_of
from bitboot_core.testing import ManualClock

from .result import Plot, Result, at_least, percent
from .worlds import LATENCY, LATENCY_TEXT, PORT, SETTLE

SEED = 10
PEERS_PER_KEY = 500
"""What storing nodes keep under one key: as many as libtorrent, a quarter of this project's own nodes."""

ANNOUNCED_WITHIN = 600.0
"""Simulated seconds in which all peers of a swarm have announced themselves: a third of a lifetime."""

SAVED_CONTACTS = 8
STEP = 0.02
"""Simulated seconds between two looks of the finder's program at what has arrived."""

ONCE, AGAIN, SHARDS = "one lookup", "asking again", "asking again, and shards"


class SimulatedBackend(MainlineBackend):
    """The mainline backend on a node of a simulation. `crowd`: as in Capabilities; None for no shards."""

    def __init__(self, simulation: Simulation, node: Node, crowd: int | None) -> None:
        super().__init__(BackendConfig(network="simulated", protocol="simulated"))
        self._simulation, self._simulated, self._crowd = simulation, node, crowd

    @property
    def capabilities(self) -> Capabilities:
        """The mainline backend's, but for the crowd."""
        return replace(super().capabilities, crowd=self._crowd)

    async def start(self) -> None:
        """Take the simulation for sockets."""
        self._driver = cast("UdpDriver", _Driver(self._simulation, self._simulated))

    def _now(self) -> float:
        return self._simulation.now


class _Driver:
    """What the backend needs of a UdpDriver."""

    def __init__(self, simulation: Simulation, node: Node) -> None:
        self.node = node
        self._simulation = simulation

    @property
    def address(self) -> KnownHost:
        return compact.known_host(self._simulation.address_of(self.node))

    def flush(self) -> None:
        self._simulation.flush(self.node)

    def give_way(self) -> None:
        pass  # its reader runs between two steps of the simulation

    def look(self) -> None:
        self.flush()  # datagrams arrive as the simulation goes on

    async def aclose(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Find:
    """One `find`: whom it told of, its datagrams both ways, its seconds and failures."""

    found: set[Address]
    datagrams: int
    seconds: float
    failures: int


def announce_all(simulation: Simulation, nodes: Sequence[Node], swarm: str, peers: int) -> set[Address]:
    """Let so many peers announce themselves; the endpoints of those that a node stored."""
    key = swarm_key(swarm)
    stored: set[Address] = set()
    waiting = [2 * peers]

    def done(endpoint: Address, count: int) -> None:
        waiting[0] -= 1
        if count:
            stored.add(endpoint)

    def announce() -> None:
        address = simulation.new_address()
        client = simulation.add(address, read_only=True)
        for contact in simulation.rng.sample(nodes, SAVED_CONTACTS):
            client.tables[4].answered(contact.id, simulation.address_of(contact), simulation.now, 0.1)
        endpoint = compact.with_port(address, PORT)
        number = shard_of(key, compact.known_host(endpoint), b"")
        for one in (key, shard_key(key, number)):
            client.announce(one, PORT, partial(done, endpoint), now=simulation.now)
        simulation.flush(client)
        simulation.after(60.0, lambda: simulation.remove(client))

    for number in range(peers):
        simulation.after(number * ANNOUNCED_WITHIN / peers, announce)
    simulation.advance(ANNOUNCED_WITHIN)
    simulation.run_until(lambda: not waiting[0])
    simulation.advance(SETTLE)
    return stored


def on_node(simulation: Simulation, node: Node, crowd: int | None, clock: ManualClock) -> BitBoot:
    """A BitBoot whose backend is this node."""
    registry = Registry(entry_points=list, environ={})
    backend = SimulatedBackend(simulation, node, crowd)
    registry.register_backend(BackendSpec("simulated", ["simulated"], lambda config: backend))
    network = NetworkDefinition("simulated", "simulated")
    return BitBoot(network=network, registry=registry, clock=clock, state_dir=False)


async def find(
    simulation: Simulation, node: Node, swarm: str, crowd: int | None, limit: int | None = None
) -> Find:
    """One `BitBoot.find` with the usual timeout, on this node."""
    clock = ManualClock(simulation.now)
    address, datagrams = simulation.address_of(node), [0]

    def count(now: float, source: Address, target: Address, datagram: bytes) -> None:
        if address in (source, target):
            datagrams[0] += 1

    async with on_node(simulation, node, crowd, clock) as bitboot:
        simulation.on_datagram = count
        began = simulation.now
        async with bitboot.find(swarm, limit=limit) as lookup:
            reading = asyncio.create_task(lookup.collect())
            while not reading.done():
                simulation.advance(STEP)
                await clock.advance(STEP)
            found = {compact.pack(peer.host, peer.port) for peer in await reading}
        simulation.on_datagram = None
        return Find(found, datagrams[0], simulation.now - began, len(lookup.failures))


def newcomer(simulation: Simulation, nodes: Sequence[Node], asks: int) -> Node:
    """A node that has just joined, and asks storing nodes so often again."""
    node = simulation.add(settings=replace(simulation.settings, asks_per_storing_node=asks))
    simulation.bootstrap(node, [simulation.address_of(one) for one in simulation.rng.sample(nodes, 3)])
    simulation.advance(SETTLE)
    return node


def run(*, quick: bool) -> Result:
    """Measure."""
    size, finders, swarms = (60, 1, (20, 400)) if quick else (500, 3, (50, 200, 1000, 5000, 20000))
    settings = Settings(max_peers_per_hash=PEERS_PER_KEY)
    simulation = Simulation(seed=SEED, latency=LATENCY, settings=settings)
    nodes = simulation.populate(size)
    simulation.advance(SETTLE)
    again = settings.asks_per_storing_node
    ways = ((ONCE, 0, None), (AGAIN, again, None), (SHARDS, again, CROWD))
    rows, checks = [], []
    lines: dict[str, list[tuple[float, float]]] = {way: [] for way, _, _ in ways}
    for peers in swarms:
        swarm = f"a swarm of {peers}"
        expected = announce_all(simulation, nodes, swarm, peers)
        for way, asks, crowd in ways:
            finds = [
                asyncio.run(find(simulation, newcomer(simulation, nodes, asks), swarm, crowd))
                for _ in range(finders)
            ]
            share = statistics.fmean(len(one.found & expected) / peers for one in finds)
            datagrams = statistics.fmean(one.datagrams for one in finds)
            lines[way].append((peers, 100 * share))
            rows.append(
                [
                    f"{peers:,}",
                    way,
                    percent(share),
                    f"{datagrams:,.0f}",
                    f"{statistics.fmean(one.seconds for one in finds):.1f} s",
                ]
            )
            if way == SHARDS and peers <= 5000:
                what = f"of {peers:,} peers, found in {datagrams:,.0f} datagrams"
                checks.append(at_least(what, share, 0.95))
    return Result(
        name="large-swarms",
        title="Peers found in large swarms",
        setup=f"{size} nodes, seed {SEED}, which store {PEERS_PER_KEY} peers a key as libtorrent does and "
        f"reply with as many as 1,024 bytes hold; {LATENCY_TEXT}. The peers announce themselves "
        f"within {ANNOUNCED_WITHIN / 60:.0f} minutes, under the swarm's key and one of its shards. "
        f"Found: by one `find` with no limit, the mean of {finders} newcomers to the network. "
        "Datagrams: all of the finder's, both ways.",
        columns=["peers", "how", "found", "datagrams", "time"],
        rows=rows,
        plot=Plot("peers in the swarm", "found, %", lines, logarithmic_x=True),
        checks=checks,
    )
