"""Networks to experiment on, and measuring what lookups find in them."""

from __future__ import annotations

import gc
import hashlib
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from bitboot_btdht.node import Node
from bitboot_btdht.simulation import Simulation, lognormal
from bitboot_btdht.wire.compact import Address, with_port

LATENCY = lognormal(0.05, 0.5)
"""One-way delays: 50 ms in the middle, one in six over 82 ms, one in forty over 133 ms."""

LATENCY_TEXT = "one-way delays are lognormal with a median of 50 ms and sigma 0.5"

SETTLE = 60.0
"""Simulated seconds between a network's last newcomer and the experiment."""

PORT = 7000


def key(number: int) -> bytes:
    """The keys that swarms live under."""
    return hashlib.sha1(b"swarm %d" % number).digest()


def network(size: int, *, seed: int, loss: float = 0.0) -> tuple[Simulation, list[Node]]:
    """A network that has come together by itself. The one before, if it is needed no longer, is freed."""
    gc.collect()
    simulation = Simulation(seed=seed, latency=LATENCY, loss=loss)
    # Nodes leave nothing for the garbage collector, which would look through all of them again and again.
    gc.disable()
    try:
        nodes = simulation.populate(size)
        simulation.advance(SETTLE)
    finally:
        gc.enable()
    return simulation, nodes


class Traffic:
    """Counts what some nodes' lookups and announcements send, and the answers to it: `each`, in the mean."""

    def __init__(self, simulation: Simulation, nodes: Iterable[Node]) -> None:
        self._simulation = simulation
        self._homes = {simulation.address_of(node) for node in nodes}
        self._queries = 0

    @property
    def each(self) -> float:
        """Datagrams of each of the nodes, both ways: everybody answers."""
        return 2 * self._queries / len(self._homes)

    def __enter__(self) -> Self:
        self._simulation.on_datagram = self._count
        return self

    def __exit__(self, *_: object) -> None:
        self._simulation.on_datagram = None

    def _count(self, now: float, source: Address, target: Address, datagram: bytes) -> None:
        if source in self._homes and (b"q9:get_peers" in datagram or b"q13:announce_peer" in datagram):
            self._queries += 1


@dataclass(frozen=True, slots=True)
class Found:
    """What some lookups found. `share`: of the peers, over all lookups; `complete`: of the lookups."""

    lookups: int
    share: float
    complete: float


def announce(simulation: Simulation, nodes: Iterable[Node], info_hash: bytes) -> set[Address]:
    """Announce once; the endpoints of those that somebody stored."""
    nodes = list(nodes)
    stored = simulation.announce_each(nodes, info_hash, PORT)
    return {with_port(simulation.address_of(node), PORT) for node in nodes if stored[node]}


def look(
    simulation: Simulation, finders: Iterable[Node], info_hash: bytes, expected: set[Address]
) -> list[float]:
    """The share of the expected peers that each finder finds."""
    results = simulation.find_all(finders, info_hash)
    return [len(found & expected) / len(expected) for found in results]


def found(shares: Sequence[float]) -> Found:
    """The sum of several calls of `look`."""
    return Found(len(shares), statistics.fmean(shares), sum(share == 1 for share in shares) / len(shares))


def others(simulation: Simulation, nodes: Iterable[Node], count: int, *but: Node) -> list[Node]:
    """So many nodes by chance, none of `but` among them."""
    excluded = set(but)
    return simulation.rng.sample([node for node in nodes if node not in excluded], count)
