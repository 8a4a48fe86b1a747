"""Nodes that mean no good, or are of no use: silent ones, liars, and crowds around a key."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..wire import bencode, compact
from ..wire.compact import Address
from .simulation import Participant


class Mute:
    """Asks like any other node, and answers nobody: what sends its answers is lost.

    Wraps a node that is there already: `simulation.put(address, Mute(node))`.
    """

    def __init__(self, inner: Participant) -> None:
        self._inner = inner

    def receive(self, datagram: bytes, address: Address, now: float) -> None:
        """Hear answers, but no queries."""
        if b"1:y1:q" not in datagram:
            self._inner.receive(datagram, address, now)

    def poll(self, now: float) -> None:
        """Go on with what the node inside does."""
        self._inner.poll(now)

    def deadline(self) -> float:
        """The deadline of the node inside."""
        return self._inner.deadline()

    def outgoing(self) -> list[tuple[bytes, Address]]:
        """What the node inside sends."""
        return self._inner.outgoing()


class Liar:
    """Answers every query at once with made-up values, and takes every announcement.

    `values` go into its replies' `r` (but for pings), beside its id and a token: always the same, or
    what a function that is called for each reply returns.
    """

    def __init__(
        self,
        address: Address,
        id_: bytes,
        values: Mapping[bytes, Any] | Callable[[], Mapping[bytes, Any]] | None = None,
    ) -> None:
        self.address = address
        self.id = id_
        self.values: Mapping[bytes, Any] | Callable[[], Mapping[bytes, Any]] = values or {}
        self.asked: int = 0
        """How many queries it was sent."""
        self._outgoing: list[tuple[bytes, Address]] = []

    def receive(self, datagram: bytes, address: Address, now: float) -> None:
        """Answer whatever is a query."""
        message = bencode.decode(datagram)
        if message[b"y"] != b"q":
            return
        self.asked += 1
        lies = self.values() if callable(self.values) else self.values
        if message[b"q"] == b"ping":
            lies = {}  # an answer to a ping has no reason to be long: it would be dropped
        values = {b"id": self.id, b"token": b"t", **lies}
        reply = {b"t": message[b"t"], b"y": b"r", b"r": values}
        self._outgoing.append((bencode.encode(reply), address))

    def greet(self, addresses: Iterable[Address]) -> None:
        """Ping others, so that they ask back and take it into their tables."""
        query = {b"t": b"hi", b"y": b"q", b"q": b"ping", b"a": {b"id": self.id}}
        datagram = bencode.encode(query)
        self._outgoing += [(datagram, address) for address in addresses]

    def poll(self, now: float) -> None:
        """Nothing is ever due."""

    def deadline(self) -> float:
        """Never."""
        return math.inf

    def outgoing(self) -> list[tuple[bytes, Address]]:
        """The lies, each told once."""
        ready, self._outgoing = self._outgoing, []
        return ready


class Nobody:
    """Takes what is sent to it, and does nothing: where a simulation counts what is sent there as well."""

    def receive(self, datagram: bytes, address: Address, now: float) -> None:
        """Gone."""

    def poll(self, now: float) -> None:
        """Nothing is ever due."""

    def deadline(self) -> float:
        """Never."""
        return math.inf

    def outgoing(self) -> list[tuple[bytes, Address]]:
        """Nothing."""
        return []


class Crowd:
    """Liars that know only each other: whoever follows them sees nothing else, an eclipse.

    They name those of them who are closest to a key, take its announcements, and tell of no peer.
    """

    def __init__(self, members: Iterable[tuple[bytes, Address]], key: bytes) -> None:
        """`members`: id and address of each; `key`: what they want to hide."""
        pairs = list(members)
        number = int.from_bytes(key, "big")
        closest = sorted(pairs, key=lambda pair: int.from_bytes(pair[0], "big") ^ number)[:8]
        values = {b"nodes": compact.pack_nodes(closest)}
        self.members: list[Liar] = [Liar(address, id_, values) for id_, address in pairs]

    @property
    def asked(self) -> int:
        """How many queries they were sent, all together."""
        return sum(member.asked for member in self.members)
