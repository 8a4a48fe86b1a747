"""The sessions that stand with members on one network, and who is to be said hello to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from .roster import Roster
from .session import Session

HELLO_AFTER = 20.0
"""Seconds after which a member that was not heard is said hello to: a NAT forgets a mapping after 30."""

HELLO_RARELY = 60.0
"""The same between programs of one machine: no NAT is there that forgets, only members who may be gone."""

HELLO_LATER = 3.0
"""The side that answered the handshake waits so many seconds longer: one hello and its answer keep both
sides' NATs open, so that the second is only said where the first did not come."""

HELLOS_PER_SECOND = 10.0
"""With many members, each is said hello to more rarely."""

LOOK_EVERY = 2.0
"""Seconds between two looks at who is to be said hello to."""

SILENT = 4
"""Hellos without an answer in a row after which a session has ended."""


@dataclass(slots=True, eq=False)
class _Standing:
    """`greeted`: when we last said hello. `misses`: how often in a row without an answer."""

    session: Session
    greeted: float = -math.inf
    misses: int = 0


class Standing:
    """The sessions of one membership on one network. It has no clock: `now` is steadily growing seconds."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._by_id: dict[bytes, _Standing] = {}
        self._quiet_until = -math.inf  # until then nobody can be due

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Session]:
        return iter([one.session for one in self._by_id.values()])

    def __contains__(self, session: Session) -> bool:
        return session.id in self._by_id

    def add(self, session: Session) -> None:
        """A session stands."""
        self._by_id[session.id] = _Standing(session)

    def discard(self, session: Session) -> None:
        """A session has ended."""
        self._by_id.pop(session.id, None)
        self._roster.discard(session)

    def recent(self, now: float) -> list[Session]:
        """The sessions with members who have shown themselves recently."""
        return [one for one in self if one.heard >= now - (SILENT + 1) * self._hello_every(one)]

    def due(self, now: float) -> list[Session]:
        """Who is to be said hello to now, those first who were heard longest ago: they count as greeted.

        Sessions that the roster no longer has are forgotten then.
        """
        if now < self._quiet_until:
            return []
        due: list[tuple[float, _Standing]] = []
        first = now
        for one in list(self._by_id.values()):
            session = one.session
            if self._roster.find(session.id) is None:
                self.discard(session)
                continue
            last = max(session.heard, one.greeted)
            first = min(first, last)
            patience = self._hello_every(session) + (0.0 if session.is_begun_here else HELLO_LATER)
            if last + patience <= now:
                due.append((last, one))
        self._quiet_until = first + HELLO_AFTER
        due.sort(key=lambda each: each[0])
        chosen = [one for _, one in due[: round(HELLOS_PER_SECOND * LOOK_EVERY)]]
        for one in chosen:
            one.greeted = now
        return [one.session for one in chosen]

    def missed(self, session: Session) -> None:
        """A hello was not answered. The session ends with the last of SILENT in a row."""
        one = self._by_id.get(session.id)
        if one is None:
            return
        # Who has said something since it was greeted is there, whatever became of the answer.
        one.misses = 0 if session.heard > one.greeted else one.misses + 1
        if one.misses >= SILENT:
            self.discard(session)

    def answered(self, session: Session) -> None:
        """A hello was answered."""
        one = self._by_id.get(session.id)
        if one is not None:
            one.misses = 0

    def _hello_every(self, session: Session) -> float:
        after = HELLO_RARELY if session.is_of_this_machine else HELLO_AFTER
        return max(after, len(self._by_id) / HELLOS_PER_SECOND)
