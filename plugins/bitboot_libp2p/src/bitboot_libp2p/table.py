"""The nodes that this one knows: those that answered, by distance, and those that were silent. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from bitboot_core import KnownHost

BUCKET = 20
"""k of Kademlia: nodes of about the same distance that are kept, and nodes that keep a record."""

SILENT_FOR = 60.0
"""Seconds for which a node that did not answer is not asked again, unless we hear from it."""

MAX_SILENT = 1000


def distance(one: bytes, other: bytes) -> int:
    """Between two keys or ids: XOR of their SHA-256 digests, as libp2p has it."""
    return int.from_bytes(hashlib.sha256(one).digest(), "big") ^ int.from_bytes(
        hashlib.sha256(other).digest(), "big"
    )


class Table:
    """Nodes by id. A bucket that is full takes nobody new: those that have lived long live on."""

    def __init__(self, own: bytes, now: Callable[[], float]) -> None:
        self._own, self._now = own, now
        self._nodes: dict[bytes, tuple[KnownHost, float]] = {}
        self._buckets: dict[int, int] = {}
        self._silent: dict[bytes, float] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, node: bytes) -> bool:
        return node in self._nodes

    def answered(self, node: bytes, address: KnownHost) -> None:
        """It did, at this address."""
        self._silent.pop(node, None)
        if node == self._own:
            return
        bucket = distance(self._own, node).bit_length()
        if node not in self._nodes:
            if self._buckets.get(bucket, 0) >= BUCKET:
                return
            self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self._nodes[node] = address, self._now()

    def failed(self, node: bytes) -> None:
        """It did not answer."""
        if self._nodes.pop(node, None) is not None:
            self._buckets[distance(self._own, node).bit_length()] -= 1
        while len(self._silent) >= MAX_SILENT:
            del self._silent[next(iter(self._silent))]
        self._silent[node] = self._now() + SILENT_FOR

    def heard(self, node: bytes) -> None:
        """It is there: it asked us something."""
        self._silent.pop(node, None)

    def is_silent(self, node: bytes) -> bool:
        """Whether it failed to answer lately."""
        return self._silent.get(node, 0.0) > self._now()

    def closest(self, target: bytes, count: int = BUCKET) -> list[tuple[bytes, KnownHost]]:
        """The known nodes closest to a key or id."""
        nearest = sorted(self._nodes, key=lambda node: distance(node, target))[:count]
        return [(node, self._nodes[node][0]) for node in nearest]

    def latest(self) -> Iterable[tuple[bytes, KnownHost]]:
        """The nodes, those that answered last first."""
        nodes = sorted(self._nodes.items(), key=lambda item: -item[1][1])
        return [(node, address) for node, (address, _) in nodes]
