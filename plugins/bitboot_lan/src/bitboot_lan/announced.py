"""What this program announces, and when which of it is due: BEP 14's pace. No sockets, no clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bitboot_core import KnownHost

from .message import MAX_KEYS
from .settings import Settings


@dataclass(slots=True)
class _Entry:
    expires: float
    due: float


@dataclass(frozen=True, slots=True)
class Batch:
    """What goes into one message: swarms in which the same endpoint is announced."""

    endpoint: KnownHost
    keys: tuple[bytes, ...]
    lifetime: float
    """Seconds until the first of them ends."""


class Announced:
    """Endpoints under keys, each until it expires.

    An endpoint whose host is "any" stands for all our addresses.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._entries: dict[tuple[bytes, KnownHost], _Entry] = {}
        self._by_key: dict[bytes, set[KnownHost]] = {}
        self._next = -math.inf  # before that nothing is sent of our own accord
        self._soonest = math.inf  # nothing is due before that

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: bytes) -> bool:
        return key in self._by_key

    def add(self, key: bytes, endpoint: KnownHost, expires: float, now: float) -> None:
        """Announce it from now on, or for longer than before."""
        entry = self._entries.get((key, endpoint))
        if entry is None or entry.expires <= now:
            # Last in the order, so that of those that wait the first goes first.
            self.remove(key, endpoint)
            self._entries[key, endpoint] = _Entry(expires, now + self._settings.gather)
            self._by_key.setdefault(key, set()).add(endpoint)
            self._soonest = min(self._soonest, now + self._settings.gather)
        else:
            entry.expires = expires

    def remove(self, key: bytes, endpoint: KnownHost) -> bool:
        """Do not announce it any more. False where it was not announced."""
        if self._entries.pop((key, endpoint), None) is None:
            return False
        self._by_key[key].discard(endpoint)
        if not self._by_key[key]:
            del self._by_key[key]
        return True

    def endpoints(self, key: bytes, now: float) -> list[KnownHost]:
        """What is announced under a key."""
        return [one for one in self._by_key.get(key, ()) if self._entries[key, one].expires > now]

    def everything(self, now: float) -> list[Batch]:
        """All of it, in as few messages as it fits."""
        return list(self._batches(self._entries, now))

    def all_due(self, now: float) -> None:
        """The network has changed: everything is announced again, as soon as the pace allows it."""
        for entry in self._entries.values():
            entry.due = min(entry.due, now + self._settings.gather)
        self._soonest = -math.inf

    # Of our own accord

    def due(self) -> float | None:
        """When the next message of our own accord may be sent, None where there is nothing to send."""
        if not self._entries:
            return None
        return max(self._next, self._soonest)

    def take(self, now: float) -> Batch | None:
        """The next message of our own accord, if it is time: what waits longest, and what fits beside."""
        if now < max(self._next, self._soonest):
            return None
        self._expire(now)
        waiting = [pair for pair, entry in self._entries.items() if entry.due <= now]
        if not waiting:
            self._soonest = min((entry.due for entry in self._entries.values()), default=math.inf)
            return None
        first = min(waiting, key=lambda pair: self._entries[pair].due)
        same = [pair for pair in self._entries if pair[1] == first[1]]
        # A stable sort: of those that have waited equally long, the first that was added.
        same.sort(key=lambda pair: self._entries[pair].due)
        self._next = now + self._settings.pace
        return self._sent(same[:MAX_KEYS], now)

    def failed(self, batch: Batch, now: float) -> None:
        """It left from no address: it is tried again soon, since nobody has heard it."""
        self._next = now + self._settings.retry
        for key in batch.keys:
            entry = self._entries.get((key, batch.endpoint))
            if entry is not None:
                entry.due = now
        self._soonest = now

    # As answers

    def answering(self, keys: Iterable[bytes], now: float) -> list[Batch]:
        """The messages that answer a question about these keys. They count as announcements too."""
        self._expire(now)
        pairs = [(key, one) for key in dict.fromkeys(keys) for one in sorted(self._by_key.get(key, ()))]
        return list(self._batches(pairs, now))

    # Inside

    def _batches(self, pairs: Iterable[tuple[bytes, KnownHost]], now: float) -> Iterator[Batch]:
        by_endpoint: dict[KnownHost, list[tuple[bytes, KnownHost]]] = {}
        for pair in pairs:
            by_endpoint.setdefault(pair[1], []).append(pair)
        for same in by_endpoint.values():
            for start in range(0, len(same), MAX_KEYS):
                yield self._sent(same[start : start + MAX_KEYS], now)

    def _sent(self, pairs: list[tuple[bytes, KnownHost]], now: float) -> Batch:
        entries = [self._entries[pair] for pair in pairs]
        for entry in entries:
            entry.due = now + self._settings.period
        left = min(entry.expires for entry in entries) - now
        return Batch(pairs[0][1], tuple(key for key, _ in pairs), min(left, 2 * self._cycle()))

    def _cycle(self) -> float:
        """How long it takes until each has been announced once more."""
        by_endpoint: dict[KnownHost, int] = {}
        for _, endpoint in self._entries:
            by_endpoint[endpoint] = by_endpoint.get(endpoint, 0) + 1
        messages = sum(-(-count // MAX_KEYS) for count in by_endpoint.values())
        return max(self._settings.period, messages * self._settings.pace)

    def _expire(self, now: float) -> None:
        for pair in [pair for pair, entry in self._entries.items() if entry.expires <= now]:
            self.remove(*pair)
