"""Passing peers on, so that nobody who tells of many crowds out what others tell of.

A storing node may tell of any number of peers that do not exist. So each has its share: a few are passed
on at once, as they come; the others when the closest nodes have answered, one of each node in turn, and
not more of each than there is reason to believe.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import zip_longest
from typing import Final

from ..wire.compact import Address

AT_ONCE: Final = 32
"""So many of one node's peers are passed on before the closest nodes have answered."""

DOUBTED: Final = 100
"""So many of one node's peers are passed on where others know of no crowd: two liars make none of 300."""

BELIEVED: Final = 1_000
"""... and so many where several of the closest nodes tell of a crowd: their replies are samples of it."""

WITNESSES: Final = 3
"""So many of the closest nodes have to tell of a crowd, or most of them where they are fewer."""


def enough_witnesses(crowded: int, asked: int) -> bool:
    """Whether a crowd is believed of which `crowded` nodes tell, of `asked` that could know."""
    return crowded >= min(WITNESSES, asked // 2 + 1)


class FairPeers:
    """The peers that one lookup was told of: each passed on once, and by whom it came first."""

    def __init__(self) -> None:
        self._share = AT_ONCE
        self._released = False
        self._passed: set[Address] = set()
        self._counts: dict[Hashable, int] = {}  # in the order in which they first told
        self._held: dict[Hashable, dict[Address, None]] = {}  # of those who told of many

    def told(self, teller: Hashable, peers: list[Address]) -> list[Address]:
        """`teller` tells of these; those to pass on now."""
        ready: list[Address] = []
        count = self._counts.get(teller, 0)
        held: dict[Address, None] | None = self._held.get(teller)
        for peer in peers:
            if peer in self._passed:
                continue
            if count < self._share:
                count += 1
                self._passed.add(peer)
                ready.append(peer)
            elif not self._released:
                if held is None:
                    held = self._held[teller] = {}
                if len(held) < BELIEVED:
                    held[peer] = None
        self._counts[teller] = count
        return ready

    def release(self, *, believed: bool) -> list[Address]:
        """The closest nodes have answered: those to pass on of what was held back, of each in turn."""
        self._share = BELIEVED if believed else DOUBTED
        self._released = True
        if not self._held:
            return []
        held = {teller: self._held[teller] for teller in self._counts if teller in self._held}
        self._held = {}
        ready: dict[Address, None] = {}
        for turn in zip_longest(*held.values()):
            for teller, peer in zip(held, turn, strict=True):
                count = self._counts[teller]
                if peer is not None and peer not in self._passed and count < self._share:
                    self._counts[teller] = count + 1
                    self._passed.add(peer)
                    ready[peer] = None
        return list(ready)
