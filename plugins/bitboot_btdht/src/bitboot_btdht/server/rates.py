"""How many replies a second, and bytes of them, somebody gets.

By the same rule as the core's `Allowance`, which is plain Python and took a fifth of every reply's time.
These are compiled, and forget whole halves at a time.
"""

from __future__ import annotations

import math
from typing import Final

TURN_EVERY: Final = 0.5
"""Seconds. Whoever was given one reply may take a whole burst again sooner: few have to be remembered."""


class _Bucket:
    """What was left of a key's allowance, and when."""

    __slots__ = ("level", "then")

    def __init__(self, level: float, then: float) -> None:
        self.level: float = level
        self.then: float = then


class Total:
    """This many events a second, with bursts, of everybody together."""

    __slots__ = ("_burst", "_left", "_per_second", "_then")

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second: float = per_second
        self._burst: float = burst
        self._left: float = burst
        self._then: float = math.inf

    def level(self, now: float) -> float:
        """How many may come at once now."""
        if now <= self._then:
            return self._left
        left = self._left + (now - self._then) * self._per_second
        return left if left < self._burst else self._burst

    def take(self, now: float) -> bool:
        """Whether one more is within the allowance; counts it if so."""
        left = self.level(now)
        self._left, self._then = left - 1.0 if left >= 1.0 else left, now
        return left >= 1.0


class Rate:
    """This many events a second, with bursts, for each of some keys: see `Allowance`.

    Nobody is forgotten before `max_keys` others have come; twice as many are remembered at most. They are
    kept in two halves: who has taken nothing while the younger half was filled, and may take a whole burst
    again, is forgotten. So nobody's place in a line has to be kept.
    """

    def __init__(self, per_second: float, burst: float, max_keys: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._max_keys = max_keys
        # Each is in one of the two.
        self._younger: dict[bytes, _Bucket] = {}
        self._older: dict[bytes, _Bucket] = {}
        self._turn_at = float("-inf")

    def __len__(self) -> int:
        return len(self._younger) + len(self._older)

    def level(self, key: bytes, now: float) -> float:
        """How much `key` may take at once now. Below zero after `spend` took more than there was."""
        bucket = self._get(key)
        return self._burst if bucket is None else self._level_of(bucket, now)

    def _get(self, key: bytes) -> _Bucket | None:
        bucket = self._younger.get(key)
        return self._older.get(key) if bucket is None and self._older else bucket

    def _level_of(self, bucket: _Bucket, now: float) -> float:
        if now <= bucket.then:
            return bucket.level
        level = bucket.level + (now - bucket.then) * self._per_second
        return level if level < self._burst else self._burst

    def take(self, key: bytes, now: float) -> bool:
        """Whether one more event of `key` is within its allowance; counts it if so."""
        level = self.level(key, now)
        self._keep(key, level - 1.0 if level >= 1.0 else level, now)
        return level >= 1.0

    def spend(self, key: bytes, now: float, amount: float) -> None:
        """Count so much of `key`, also beyond its allowance: what comes next waits for it."""
        self._keep(key, self.level(key, now) - amount, now)

    def _keep(self, key: bytes, level: float, now: float) -> None:
        bucket = self._younger.get(key)
        if bucket is not None:
            bucket.level, bucket.then = level, now
            return
        if now >= self._turn_at:
            self._turn(now, self._max_keys)
        elif len(self._younger) >= self._max_keys:
            self._turn(now, 0)
        if self._older:
            self._older.pop(key, None)
        self._younger[key] = _Bucket(level, now)

    def _turn(self, now: float, most: int) -> None:
        """The younger half becomes the older. Of those who were it so many are kept, who wait for more."""
        before, self._older, self._younger = self._older, self._younger, {}
        self._turn_at = now + TURN_EVERY
        for key, bucket in before.items():
            if len(self._older) < most and self._level_of(bucket, now) < self._burst:
                self._older[key] = bucket
