"""Where the peers of a local network are kept, for all nodes of this process."""

from __future__ import annotations

import asyncio
import heapq
import threading
from dataclasses import dataclass, field

from bitboot_core import AnnounceFailed, KnownHost
from bitboot_core.aio.requests import Answering

from .items import Items

MAX_PEERS = 1_000_000
"""How many peers a space holds, all keys together."""


@dataclass(slots=True, eq=False)
class Node:
    """A node that can be asked: on which loop, and who answers."""

    loop: asyncio.AbstractEventLoop
    answering: Answering = field(default_factory=Answering)


class Space:
    """Endpoints by key, each until its time is up. Safe to share between threads.

    All times are seconds on the clock of whoever calls.
    """

    def __init__(self, max_peers: int = MAX_PEERS) -> None:
        self._max_peers = max_peers
        self._lock = threading.Lock()
        self._peers: dict[bytes, dict[KnownHost, float]] = {}
        self._count = 0
        # When what ends. Renewals leave their former end behind, which is skipped when it comes up.
        self._ends: list[tuple[float, bytes, KnownHost]] = []
        self.nodes: int = 0
        self.items: Items = Items()
        self._at: dict[KnownHost, Node] = {}
        self._places_given = 0

    # Nodes

    def place(self, node: Node) -> KnownHost:
        """A place for a node to be asked at, which is no machine's: 100::/64 leads nowhere (RFC 6666)."""
        with self._lock:
            self._places_given += 1
            high, low = divmod(self._places_given, (1 << 16) - 1)
            own = KnownHost(f"100::{high:x}:{low:x}", low + 1)
            self._at[own] = node
            return own

    def clear(self, own: KnownHost) -> None:
        """The node there has left."""
        self._at.pop(own, None)

    def node_at(self, endpoint: KnownHost) -> Node | None:
        """The node there, if any."""
        return self._at.get(endpoint)

    # Peers

    def store(self, key: bytes, endpoint: KnownHost, lifetime: float, now: float) -> None:
        """Keep `endpoint` under `key` until `now + lifetime`. Raises AnnounceFailed where it is full."""
        with self._lock:
            self._expire(now)
            peers = self._peers.get(key, {})
            if endpoint not in peers:
                if self._count >= self._max_peers:
                    raise AnnounceFailed(
                        f"the local network is full: it holds {self._count} peers",
                        hint="withdraw some, or announce with a shorter lifetime",
                    )
                self._count += 1
            self._peers.setdefault(key, peers)[endpoint] = now + lifetime
            heapq.heappush(self._ends, (now + lifetime, key, endpoint))
            if len(self._ends) > 2 * self._count + 64:
                self._ends = [
                    (end, key, host) for key, held in self._peers.items() for host, end in held.items()
                ]
                heapq.heapify(self._ends)

    def drop(self, key: bytes, endpoint: KnownHost) -> None:
        """Forget `endpoint` under `key`, if it is there."""
        with self._lock:
            self._drop(key, endpoint)

    def peers(self, key: bytes, now: float) -> list[KnownHost]:
        """The endpoints under `key`, oldest first."""
        with self._lock:
            self._expire(now)
            return list(self._peers.get(key, ()))

    def size(self) -> tuple[int, int]:
        """How many keys and how many peers there are."""
        return len(self._peers), self._count

    def _expire(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            end, key, endpoint = heapq.heappop(self._ends)
            if self._peers.get(key, {}).get(endpoint) == end:
                self._drop(key, endpoint)

    def _drop(self, key: bytes, endpoint: KnownHost) -> None:
        peers = self._peers.get(key, {})
        if peers.pop(endpoint, None) is not None:
            self._count -= 1
            if not peers:
                del self._peers[key]


_spaces: dict[str, Space] = {}
_spaces_lock = threading.Lock()


def enter(namespace: str) -> Space:
    """The space that all nodes of this process with that namespace share."""
    with _spaces_lock:
        space = _spaces.setdefault(namespace, Space())
        space.nodes += 1
        return space


def leave(namespace: str, space: Space) -> None:
    """Give the space back. With its last node a network is gone, as any DHT is."""
    with _spaces_lock:
        space.nodes -= 1
        if space.nodes == 0 and _spaces.get(namespace) is space:
            del _spaces[namespace]
