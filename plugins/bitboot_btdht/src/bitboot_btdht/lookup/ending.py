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


def _never(distance: int) -> bool:
    return False


class Ending:
    """The rule for one lookup.

    `patient`: with fewer than k answers, wait for the slow ones up to their timeout. `hurries`: many will not
    answer (`Network.hurries`). `is_thorough`: in a hurry too the slow among the closest are asked once more.
    `is_too_dense(distance)`: whether others may have crowded in where the k-th closest node is so close. Then
    twice as many have to answer.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        patient: bool = True,
        hurries: bool = False,
        is_thorough: bool = False,
        is_too_dense: Callable[[int], bool] = _never,
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
        self._is_too_dense = _never
