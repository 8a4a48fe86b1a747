"""When a lookup has asked enough: how many have to answer, and who is asked before it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..settings import Settings
from .candidates import Candidate
from .density import WIDE
from .shortlist import Shortlist

TRIES: Final = 2
"""How often a node is asked before it counts as failed: datagrams get lost."""

ANSWERED_AT_LEAST: Final = 1 / 2
"""Where fewer of a lookup's queries were answered, its end waits until those who are slow were asked again.
On the live DHT 35 to 46 % are not answered, since nodes are gone; on a line that loses two datagrams in five
64 %."""


def never(distance: int) -> bool:
    """No network is too dense."""
    return False


class Ending:
    """The rule for one lookup. Its arguments: see `Traversal`."""

    def __init__(
        self,
        settings: Settings,
        *,
        patient: bool,
        hurries: bool,
        is_thorough: bool,
        is_too_dense: Callable[[int], bool],
    ) -> None:
        self.wanted: int = settings.k
        """How many of the closest have to answer."""
        self.is_patient: bool = patient
        """Whether those who are slow are waited for where too few have answered."""
        self._k = settings.k
        self._hurries = hurries
        self._is_thorough = is_thorough
        self._is_too_dense = is_too_dense

    def widens(self, shortlist: Shortlist) -> bool:
        """The k closest have answered, or others closer still may: whether more have to."""
        distance = shortlist.kth_distance(self._k)
        if self.wanted > self._k or distance is None or not self._is_too_dense(distance):
            return False
        self.wanted = WIDE * self._k
        return True

    def left_to_ask(
        self,
        shortlist: Shortlist,
        doubtful: list[Candidate],
        slow: list[Candidate],
        *,
        room: int,
        budget: int,
        queries: int,
        enough: bool,
    ) -> list[Candidate]:
        """Whom to ask before the lookup ends, when it has asked all others with so many `queries`."""
        if doubtful and not enough:
            return doubtful[: min(room, budget)]
        if self.is_patient and budget > 0 and (not enough or self._loses_many(shortlist, queries)):
            again = [one for one in slow if one.tries < TRIES and not one.is_doubtful]
            # In a hurry all of them at once: few will answer, and whoever takes turns waits for the others.
            return again[: budget if self._hurries else min(room, budget)]
        return []

    def _loses_many(self, shortlist: Shortlist, queries: int) -> bool:
        """Whether so few have answered that datagrams may be lost: then the nearest are asked once more."""
        return self._hurries and (self._is_thorough or len(shortlist.answers) < ANSWERED_AT_LEAST * queries)

    def forget(self) -> None:
        """The lookup is over: keep nobody."""
        self._is_too_dense = never
