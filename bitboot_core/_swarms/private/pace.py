"""How fast handshakes are begun: no faster than this program keeps up with.

A handshake takes about a millisecond of computing at both ends together. Where hundreds of members meet at
once, beginning all of them at a time means that none is answered before its time is over, and all the work
is done again.
"""

from __future__ import annotations

import asyncio

from ...aio.clock import Clock, sleep_until

AT_A_TIME = 20
"""Handshakes that are begun at a time while the event loop is idle."""

PAUSE = 0.005
"""Seconds before each of these times."""

ALWAYS = 4
"""Handshakes that may be under way however late the event loop is."""

PATIENCE = 4.0
"""A datagram and its answer wait for the event loops of both sides, each once or twice."""

MAX_LAG = 10.0
"""Seconds that a busy program allows for its own slowness, at most."""


SLOWLY = 0.9
"""With each answer that came sooner, less is allowed for those to come."""

BEHIND = 0.5
"""Seconds of `lag` with which times that are shared with others are missed."""


class Pace:
    """Hands out turns. The later the event loop is with its timers, the fewer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._late = self._slow = 0.0
        self._under_way = 0
        self._left = 0.0
        self._turn = asyncio.Lock()

    @property
    def lag(self) -> float:
        """How many seconds longer than usual an answer may take, since this program is busy."""
        return min(MAX_LAG, max(PATIENCE * self._late, self._slow))

    @property
    def is_behind(self) -> bool:
        """Whether somebody waits for a turn, and the program is too busy to keep to times."""
        return self._turn.locked() and self.lag > BEHIND

    def was_late(self, seconds: float) -> None:
        """A timer of ours has fired this late."""
        self._late = max(self._late / 2, seconds)

    def took(self, seconds: float) -> None:
        """An answer took this long."""
        self._slow = max(self._slow * SLOWLY, seconds)

    async def begin(self) -> None:
        """Wait until one more handshake may begin; `end` tells of its end. Who asked first comes first."""
        async with self._turn:
            while self._left < 1 and self._under_way >= ALWAYS:
                due = self._clock.now() + PAUSE
                await sleep_until(self._clock, due)
                self.was_late(self._clock.now() - due)
                self._left = min(AT_A_TIME, self._left + AT_A_TIME * PAUSE / (PAUSE + self._late))
            self._left = max(0.0, self._left - 1)
            self._under_way += 1

    def end(self) -> None:
        """A handshake has ended."""
        self._under_way -= 1
