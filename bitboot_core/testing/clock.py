"""A clock that a test moves."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections.abc import Callable

from bitboot_core.aio.clock import Timer

_TURNS = 100
"""Turns of the event loop after which everything that a timer woke has come to rest, at the latest."""

_IDLE_TURNS = 5
"""Turns in a row without anything to run but ourselves after which it has. Sockets are read in each."""


class ManualClock:
    """A `bitboot_core.aio.clock.Clock` whose time passes only when told to.

    Days pass in a moment, and always in the same order:

        clock = ManualClock()
        async with BitBoot(network="local", clock=clock) as bitboot:
            ...
            await clock.advance(86_400)
    """

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._timers: list[tuple[float, int, _ManualTimer]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        """The time, in seconds."""
        return self._now

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` when `advance` or `suspend` reaches `when`; at the next turn where it is past."""
        timer = _ManualTimer(callback)
        if when <= self._now:
            asyncio.get_running_loop().call_soon(timer.fire)
        else:
            heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass. Each timer fires at its time, and what it wakes runs before the next."""
        await self.settle()
        end = self._now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, when)  # after a suspension it is later than that
            if timer.fire():
                await self.settle()
        self._now = end

    async def suspend(self, seconds: float) -> None:
        """Let `seconds` pass while the machine sleeps: whatever was due fires afterwards, at once."""
        await self.settle()
        self._now += seconds
        await self.advance(0)

    async def settle(self) -> None:
        """Let every task run until it waits for something."""
        idle = 0
        for _ in range(_TURNS):
            await asyncio.sleep(0)
            idle = idle + 1 if _is_idle(asyncio.get_running_loop()) else 0
            if idle == _IDLE_TURNS:
                return

    @property
    def next_timer(self) -> float | None:
        """When the next timer is due, None where there is none."""
        return min((when for when, _, timer in self._timers if timer.pending), default=None)


def _is_idle(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether nothing is about to run. Only asyncio's own loops show it: others never seem idle."""
    ready = getattr(loop, "_ready", None)
    if ready is None or ready:
        return False
    # A thread of ours that reads a file or resolves a name ends in a moment.
    return not any(thread.name.startswith("bitboot-") for thread in threading.enumerate())


class _ManualTimer:
    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback = callback
        self.pending = True

    def fire(self) -> bool:
        """Call, unless cancelled."""
        due, self.pending = self.pending, False
        if due:
            self._callback()
        return due

    def cancel(self) -> None:
        self.pending = False
