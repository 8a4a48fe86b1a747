"""Where the items of a local network are kept, for all nodes of this process."""

from __future__ import annotations

import threading

from bitboot_core import Item, ItemLocked, ItemOutdated, PublishFailed, Receipt
from bitboot_core.items import LIFETIME, MAX_SEQ, immutable_target

MAX_ITEMS = 100_000
"""How many items a space holds."""


class Items:
    """Items by target, each for two hours after it was put last. Safe to share between threads.

    All times are seconds on the clock of whoever calls.
    """

    def __init__(self, max_items: int = MAX_ITEMS) -> None:
        self._max_items = max_items
        self._lock = threading.Lock()
        self._kept: dict[bytes, tuple[float, Item | bytes]] = {}  # with their ends, the first to end in front

    def __len__(self) -> int:
        return len(self._kept)

    def publish(self, item: Item, cas: int | None, now: float) -> Receipt:
        """Keep a version of a mutable item. Raises as `Backend.publish`."""
        if not item.is_genuine():
            raise PublishFailed("the item's signature does not hold", hint="sign it with Item.signed")
        with self._lock:
            there = self._get(item.target, now)
            if isinstance(there, Item) and there.version != item.version:
                _check(there, item, cas)
            return self._put(item.target, item, now)

    def put(self, encoded: bytes, now: float) -> Receipt:
        """Keep an immutable item. Raises PublishFailed where the network is full."""
        with self._lock:
            return self._put(immutable_target(encoded), encoded, now)

    def get(self, target: bytes, now: float) -> Item | bytes | None:
        """What is kept there."""
        with self._lock:
            return self._get(target, now)

    def _put(self, target: bytes, kept: Item | bytes, now: float) -> Receipt:
        self._expire(now)
        if target not in self._kept and len(self._kept) >= self._max_items:
            raise PublishFailed(
                f"the local network is full: it holds {len(self._kept)} items", hint="wait until some expire"
            )
        self._kept.pop(target, None)  # so that the dict stays in order of end
        self._kept[target] = now + LIFETIME, kept
        return Receipt(stored_on=1, lifetime=LIFETIME)

    def _get(self, target: bytes, now: float) -> Item | bytes | None:
        self._expire(now)
        return self._kept.get(target, (0.0, None))[1]

    def _expire(self, now: float) -> None:
        while self._kept:
            first = next(iter(self._kept))
            if self._kept[first][0] > now:
                return
            del self._kept[first]


def _check(there: Item, item: Item, cas: int | None) -> None:
    """Raise where `item` cannot take the place of what is there."""
    if item.seq > there.seq and cas in (None, there.seq):
        return
    kind = ItemLocked if there.seq == MAX_SEQ else ItemOutdated
    raise kind(
        f"the network has version {there.seq} of the item",
        seq=there.seq,
        encoded=there.encoded,
        hint="publish under another salt or key"
        if kind is ItemLocked
        else "resolve it, and publish again with a higher number",
    )
