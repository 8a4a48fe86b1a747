"""Rate limits, and the memory of who does not answer: small, bounded, and cheap to ask."""

from __future__ import annotations

from collections import OrderedDict

from ..settings import Settings
from ..wire.compact import Address


class Allowance:
    """So many events a second, with bursts, for each of a bounded number of keys.

    A token bucket per key. The key that was idle longest is forgotten first, which errs on the
    side of allowing: the limit for all keys together is a separate one.
    """

    def __init__(self, per_second: float, burst: float, max_keys: int = 4096) -> None:
        self._per_second = per_second
        self._burst = burst
        self._max_keys = max_keys
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: bytes, now: float) -> bool:
        """Whether one more event of `key` is within its allowance; counts it if so."""
        level = self._level(key, now)
        allowed = level >= 1.0
        self._keep(key, level - 1.0 if allowed else level, now)
        return allowed

    def reserve(self, key: bytes, now: float, patience: float) -> float | None:
        """In how many seconds one more event of `key` is within its allowance; counts it.

        None, and nothing is counted, where that would take longer than `patience`.
        """
        level = self._level(key, now)
        delay = max(0.0, (1.0 - level) / self._per_second)
        granted = delay <= patience
        self._keep(key, level - 1.0 if granted else level, now)
        return delay if granted else None

    def _level(self, key: bytes, now: float) -> float:
        level, then = self._buckets.pop(key, (self._burst, now))
        return min(self._burst, level + max(0.0, now - then) * self._per_second)

    def _keep(self, key: bytes, level: float, now: float) -> None:
        self._buckets[key] = (level, now)
        if len(self._buckets) > self._max_keys:
            self._buckets.popitem(last=False)


class DeadContacts:
    """Addresses that left several queries in a row unanswered, and are left alone for a while.

    Live nodes hand dead ones out for many minutes; each lookup would wait for them anew.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._entries: OrderedDict[Address, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def failed(self, address: Address, now: float) -> None:
        """A query to `address` was not answered."""
        failures, _ = self._entries.pop(address, (0, now))
        self._entries[address] = (failures + 1, now + self._settings.dead_for)
        if len(self._entries) > self._settings.max_dead:
            self._entries.popitem(last=False)

    def alive(self, address: Address) -> None:
        """Something was heard from `address`."""
        self._entries.pop(address, None)

    def contains(self, address: Address, now: float) -> bool:
        """Whether `address` had better not be asked."""
        entry = self._entries.get(address)
        if entry is None:
            return False
        failures, until = entry
        if until <= now:
            del self._entries[address]
            return False
        return failures >= self._settings.dead_after

    def clear(self) -> None:
        """Forget all: it was us who were offline."""
        self._entries.clear()
