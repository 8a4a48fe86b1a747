"""Claims wait in line to be asked, and are asked as fast as the program keeps up with.

Those in line cost no task each: of two members that find each other most claims are settled while they wait,
since the other side has asked first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any

from ...aio.tasks import Signal, Tasks
from .claims import Claim

TRIES = (0.7, 2.0)
"""Seconds that a claimed member has to answer, each time that a lookup asks: a datagram may be lost."""

Settled = Callable[[Claim], object]
"""Is called once with a claim that needs not be asked any more, whatever came of it."""


class Line:
    """The line of one membership on one network."""

    def __init__(
        self,
        tasks: Tasks,
        *,
        needs: Callable[[Claim], bool],
        turn: Callable[[], Awaitable[None]],
        end_turn: Callable[[], None],
        ask: Callable[[Claim, float], Coroutine[Any, Any, None]],
    ) -> None:
        """`needs`: whether a claim has to be asked. `turn`: waits until one more may be. `ask`: does it."""
        self._tasks = tasks
        self._needs, self._turn, self._end_turn, self._ask = needs, turn, end_turn, ask
        self._waiting: deque[Claim] = deque()
        self._arrived = Signal()
        self._is_open = True

    def add(self, claim: Claim, settled: Settled) -> None:
        """Have it asked. Of several who want that at a time all are told of the same."""
        claim.tries = 0
        claim.settled.append(settled)
        if not self._is_open:
            self._settle(claim)
        elif len(claim.settled) == 1:
            self._put(claim)

    async def ask_all(self) -> None:
        """Ask whoever is in line, until it is cancelled."""
        while True:
            while self._first() is None:
                await self._arrived.wait()
            await self._turn()
            claim = self._first()  # who has waited may have been settled meanwhile
            if claim is None:
                self._end_turn()
                continue
            self._waiting.popleft()
            asking = self._tasks.start(self._ask(claim, TRIES[claim.tries]))
            asking.add_done_callback(partial(self._asked, claim))

    def close(self) -> None:
        """Nobody is asked any more: all are settled, those who are just being asked when that has ended."""
        self._is_open = False
        while self._waiting:
            self._settle(self._waiting.popleft())

    def _first(self) -> Claim | None:
        """The first that has to be asked; those before it have not."""
        while self._waiting:
            claim = self._waiting[0]
            if self._needs(claim):
                return claim
            self._settle(self._waiting.popleft())
        return None

    def _put(self, claim: Claim) -> None:
        self._waiting.append(claim)
        self._arrived.notify()

    def _asked(self, claim: Claim, _: asyncio.Task[None]) -> None:
        self._end_turn()
        claim.tries += 1
        if self._is_open and claim.tries < len(TRIES) and self._needs(claim):
            self._put(claim)
        else:
            self._settle(claim)

    def _settle(self, claim: Claim) -> None:
        waiting, claim.settled = claim.settled, []
        for settled in waiting:
            settled(claim)
