"""The Bloom filters of one key's peers (BEP 33), kept: to hash 2,000 addresses takes milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ..wire.bloom import bits_of, bloom
from ..wire.compact import Address

AT_MOST_EVERY = 30.0
"""Seconds from one making of the filters to the next. Whoever has just left is counted for so long."""


class Filters:
    """The filters of seeds and of all others, as numbers (see `wire.bloom`).

    Who comes is added at once. Nobody can be taken out of a Bloom filter, so that where somebody has left
    both are made anew, when they are wanted, but not too often.
    """

    __slots__ = ("_is_old", "_made_at", "others", "seeds")

    def __init__(self, peers: Collection[Address], is_seed: Callable[[Address], bool], now: float) -> None:
        self.seeds: int = bloom(peer[:-2] for peer in peers if is_seed(peer))
        self.others: int = bloom(peer[:-2] for peer in peers if not is_seed(peer))
        self._made_at = now
        self._is_old = False

    def add(self, peer: Address, *, seed: bool, is_new: bool) -> None:
        """A peer has come, or has become a seed, or is one no more."""
        if seed:
            self.seeds |= bits_of(peer[:-2])
        else:
            self.others |= bits_of(peer[:-2])
        self._is_old = self._is_old or not is_new

    def removed(self) -> None:
        """A peer has left."""
        self._is_old = True

    def is_stale(self, now: float) -> bool:
        """Whether it is time to make new ones."""
        return self._is_old and now >= self._made_at + AT_MOST_EVERY
