"""How many replies a second, and bytes of them, somebody gets: the core's `Allowance`, to be compiled.

It comes before and after every reply, of whose time it took a fifth when it was plain Python.
"""

from __future__ import annotations

from collections import OrderedDict


class _Bucket:
    """What was left of a key's allowance, and when."""

    __slots__ = ("level", "then")

    def __init__(self, level: float, then: float) -> None:
        self.level: float = level
        self.then: float = then


class Rate:
    """This many events a second, with bursts, for each of at most `max_keys`: see `Allowance`."""

    def __init__(self, per_second: float, burst: float, max_keys: int) -> None:
        self._per_second = per_second
        self._burst = burst
        self._max_keys = max_keys
        self._buckets: OrderedDict[bytes, _Bucket] = OrderedDict()
        self._look_at = float("-inf")  # until then none is full again

    def __len__(self) -> int:
        return len(self._buckets)

    def level(self, key: bytes, now: float) -> float:
        """How much `key` may take at once now. Below zero after `spend` took more than there was."""
        bucket = self._buckets.get(key)
        return self._burst if bucket is None else self._level_of(bucket, now)

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
        bucket = self._buckets.get(key)
        if bucket is None:
            self._buckets[key] = _Bucket(level, now)
        else:
            bucket.level, bucket.then = level, now
            if self._max_keys > 1:
                self._buckets.move_to_end(key)
        count = len(self._buckets)
        if count > 1 and (now >= self._look_at or count > self._max_keys):
            self._forget(now)

    def _forget(self, now: float) -> None:
        """Forget who was idle longest, if that bucket is full or there are too many."""
        for _ in range(2):  # more than come at a time: after a crowd they become fewer again
            oldest = next(iter(self._buckets))
            missing = self._burst - self._level_of(self._buckets[oldest], now)
            if missing > 0 and len(self._buckets) <= self._max_keys:
                fills_in = min(missing, self._burst) / self._per_second if self._per_second else float("inf")
                self._look_at = now + fills_in
                return
            del self._buckets[oldest]
