"""Side paths of a lookup: from far contacts by chance to the target, through nodes nobody else has told of.

Whoever has nodes close to a target is soon asked, and then names only its own: the k closest of these answer,
and the lookup ends among them. S/Kademlia has disjoint paths against that, each of them a whole lookup
(Baumgart, Mies: S/Kademlia, ICPADS 2007). A side path costs a few queries: it need only come upon one honest
node closer than the attacker's k-th, which then has to be asked like any other, and tells of the rest.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from .candidates import FRESH, WAITING, Candidate

LONGEST: Final = 8
"""Nodes asked on one side path at most. Each is some three bits closer: that does for millions of nodes."""

NEW: Final = 3 / 4
"""A side path goes on while at least this share of those told of is new. Where nobody crowds in that is so
for a step or two, so that a lookup costs some four queries more."""


class SidePaths:
    """The side paths of one lookup. They say whom it is to ask, beside those that it asks itself."""

    def __init__(self) -> None:
        self._asked: list[Candidate] = []

    @property
    def are_under_way(self) -> bool:
        """Whether an answer may come in good time: who is slow, or is asked later, is not waited for."""
        return any(candidate.state is WAITING for candidate in self._asked)

    def begin(self, candidate: Candidate) -> Candidate | None:
        """Begin one at a contact, if the lookup has not asked it yet."""
        return self._step(candidate, LONGEST)

    def go_on(
        self, teller: Candidate, told: Collection[Candidate], new: Collection[Candidate]
    ) -> Candidate | None:
        """`teller`, on a side path, has told of these, of the `new` before others did: on to their closest.

        The path ends where that is no step ahead, and where it has met the lookup: most are known there.
        """
        ahead = [candidate for candidate in new if candidate.fits and candidate.distance < teller.distance]
        if ahead and teller.hops > 1 and len(new) >= NEW * len(told):
            return self._step(min(ahead, key=lambda candidate: candidate.distance), teller.hops - 1)
        return None

    def _step(self, candidate: Candidate, hops: int) -> Candidate | None:
        if candidate.state is not FRESH:
            return None
        candidate.hops = hops
        self._asked.append(candidate)
        return candidate
