"""Samples of the keys that are stored here, for whoever surveys the DHT (BEP 51).

A key tells where to find those who announce it, and that of a private swarm looks like any other. So only
keys are shown that several addresses have announced. Who knows that somebody uses a key knew the key before;
the few members of a small swarm stay unseen.
"""

from __future__ import annotations

import random

from ..settings import Settings
from ..wire.node_id import ID_BYTES
from .peer_store import PeerStore

MOST = 50
"""Keys in a sample: no reply has room for more."""

SOON = 60.0
"""Seconds until the next sample where this one holds all there is, or nothing yet."""

LONGEST_INTERVAL = 21_600
"""Seconds that a node may ask others to stay away for (BEP 51, "Sampling RPC")."""


class Samples:
    """One sample at a time: everybody gets the same until its interval is over, so that asking more often
    brings nothing."""

    def __init__(self, settings: Settings, store: PeerStore, rng: random.Random) -> None:
        self._settings = settings
        self._store = store
        self._rng = rng
        self._keys: list[bytes] = []
        self._count = 0
        self._until = float("-inf")

    def reply(self, room: int, now: float) -> dict[bytes, bytes | int]:
        """What goes into a reply that has room for so many bytes of keys: `samples`, `num`, `interval`."""
        if now >= self._until:
            self._draw(now)
        shown = max(room, 0) // ID_BYTES
        return {
            b"samples": b"".join(self._keys[:shown]),
            b"num": self._count,
            b"interval": min(LONGEST_INTERVAL, max(1, round(self._until - now))),
        }

    def _draw(self, now: float) -> None:
        keys = self._store.announced_by(self._settings.sampled_sources, now)
        self._count = len(keys)
        self._keys = self._rng.sample(keys, min(MOST, len(keys)))
        is_whole = len(keys) <= len(self._keys)
        self._until = now + (SOON if is_whole else self._settings.sample_interval)
