"""Watching lookups on their way: hops, datagrams, seconds."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from bitboot_btdht.node import Node
from bitboot_btdht.server.extensions import Exchange
from bitboot_btdht.simulation import Simulation
from bitboot_btdht.wire import compact
from bitboot_btdht.wire.compact import Address
from bitboot_btdht.wire.node_id import distance


class Trip:
    """One lookup, as its node's observers see it.

    `hops`: how many nodes one after another led to the closest that answered; `datagrams`: both
    ways; `first`, `seconds`: simulated seconds until the first peer came, and until its end.
    """

    def __init__(self, simulation: Simulation, node: Node, info_hash: bytes) -> None:
        self.found: set[Address] = set()
        self.hops = self.queries = self.answers = 0
        self.first: float | None = None
        self.seconds: float | None = None
        self.address = simulation.address_of(node)
        self._simulation = simulation
        self._info_hash = info_hash
        self._began = simulation.now
        self._depth: dict[Address, int] = {}
        self._closest: int | None = None
        self._stop = node.extensions.on_response(self._answered)
        node.find_peers(info_hash, self._peers, self._ended, now=simulation.now)
        simulation.flush(node)

    @property
    def datagrams(self) -> int:
        """Queries and answers together."""
        return self.queries + self.answers

    def _peers(self, peers: list[Address]) -> None:
        self.found.update(peers)
        if self.first is None:
            self.first = self._simulation.now - self._began

    def _answered(self, exchange: Exchange) -> None:
        if exchange.arguments.get(b"info_hash") != self._info_hash:
            return
        self.answers += 1
        hops = self._depth.setdefault(exchange.address, 1)
        away = distance(exchange.response.sender, self._info_hash)
        if self._closest is None or away < self._closest:
            self._closest, self.hops = away, hops
        for _, address in compact.unpack_nodes(exchange.response.values.get(b"nodes"), 4, 16):
            self._depth.setdefault(address, hops + 1)

    def _ended(self) -> None:
        self.seconds = self._simulation.now - self._began
        self._stop()


def travel(simulation: Simulation, nodes: Iterable[Node], info_hash: bytes) -> list[Trip]:
    """Let these nodes look one key up, all at the same time."""
    trips: dict[Address, Trip] = {}
    simulation.on_datagram = partial(_count, trips)
    for node in nodes:
        trip = Trip(simulation, node, info_hash)
        trips[trip.address] = trip
    simulation.run_until(lambda: all(trip.seconds is not None for trip in trips.values()))
    simulation.on_datagram = None
    return list(trips.values())


def _count(trips: dict[Address, Trip], now: float, source: Address, target: Address, datagram: bytes) -> None:
    """Queries that arrive: where nothing is lost these are all."""
    trip = trips.get(source)
    if trip is not None and b"9:get_peers" in datagram:
        trip.queries += 1
