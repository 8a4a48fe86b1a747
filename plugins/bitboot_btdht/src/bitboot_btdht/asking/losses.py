"""Which share of a node's lookups' queries is never answered: learnt from how the latest of them ended.

Pings of contacts are left out, since they have answered before: few of them do not answer now. So has whoever
is asked to store something, but that is one in five of an announcement's queries, and counts.
"""

from __future__ import annotations

from typing import Final

GUESS: Final = 0.35
"""Of a lookup's queries on the live DHT (Jimenez, Osmani, Knutsson, IEEE P2P 2011: 35 to 46 %): what is taken
to be so until it is known."""

GUESSED: Final = 4
"""For how many queries the guess counts."""

REMEMBERED: Final = 64
"""How many of the latest count, about."""

MANY: Final = 0.1
"""From this share on it pays to ask more nodes at once than can be needed: where nearly all answer, that only
costs datagrams. In simulated networks where everybody is there it is 0.04 at most, with 12 liars beside one
key 0.1; in those like the live one 0.24 in the median, and 0.1 at the lowest of a hundred nodes."""


class Losses:
    """The `share`, a running mean."""

    __slots__ = ("_counted", "share")

    def __init__(self) -> None:
        self.share: float = GUESS
        self._counted = GUESSED

    def add(self, *, answered: bool) -> None:
        """A query has been answered, or given up."""
        self._counted = min(self._counted + 1, REMEMBERED)
        self.share += ((0.0 if answered else 1.0) - self.share) / self._counted

    @property
    def are_many(self) -> bool:
        """Whether so many are not answered that a lookup had better not wait for each."""
        return self.share > MANY
