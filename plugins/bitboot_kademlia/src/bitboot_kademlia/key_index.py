"""Keys in order, so that those nearest to an id are found without a look at all of them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from .wire import ID_BYTES

_FEW = 8
"""So many keys are sorted at once."""


class KeyIndex:
    """A set of keys, sorted. Nearest by XOR is what shares the longest prefix: it walks down the bits."""

    def __init__(self) -> None:
        self._keys: list[int] = []

    def add(self, key: bytes) -> None:
        """Note a key that is not there yet."""
        insort(self._keys, int.from_bytes(key, "big"))

    def remove(self, key: bytes) -> None:
        """Forget a key that is there."""
        del self._keys[bisect_left(self._keys, int.from_bytes(key, "big"))]

    def nearest(self, target: int, beyond: int) -> Iterator[bytes]:
        """The keys at a distance of more than `beyond` from `target`, nearest first."""
        for key in self._walk(0, len(self._keys), 8 * ID_BYTES - 1, target, beyond):
            yield key.to_bytes(ID_BYTES, "big")

    def _walk(self, start: int, end: int, bit: int, target: int, beyond: int) -> Iterator[int]:
        """Those from `start` to `end`, which are alike in all bits above `bit`."""
        if end - start <= _FEW:
            few = [key for key in self._keys[start:end] if key ^ target > beyond]
            yield from sorted(few, key=target.__xor__)
            return
        first = self._keys[start]
        middle = bisect_left(self._keys, first >> bit + 1 << bit + 1 | 1 << bit, start, end)
        halves = (start, middle), (middle, end)
        for low, high in reversed(halves) if target >> bit & 1 else halves:
            # The farthest that there could be in this half: everything below `bit` is different.
            if low < high and (self._keys[low] ^ target) >> bit << bit | (1 << bit) - 1 > beyond:
                yield from self._walk(low, high, bit - 1, target, beyond)
