"""Tasks with an owner, and waits with an end: what the core needs to live with any backend.

A well-made backend ends when it is cancelled. This room is for the others: nobody waits for them
longer than `GRACE`, and whatever still runs then stays with its owner, who tries again at its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from .clock import Clock, TimeUp, deadline
from .logs import logger

T = TypeVar("T")

GRACE = 0.05
"""Seconds that a cancelled task gets to clean up before its caller goes on."""

log = logger(__name__)


class Cancelled(Exception):
    """A task ended by a cancellation that nobody had asked for."""


async def cancel(tasks: Collection[asyncio.Task[Any]], clock: Clock) -> None:
    """Cancel the tasks, and wait for them for at most GRACE."""
    for task in tasks:
        task.cancel()
    if tasks:
        with suppress(TimeUp):
            async with deadline(clock, clock.now() + GRACE):
                await asyncio.wait(tasks)


class Tasks:
    """The tasks of one owner."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._running: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` on its own."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def run(self, work: Coroutine[Any, Any, T], until: float | None) -> T:
        """Await `work`, no longer than `until`.

        Raises TimeUp at that time, Cancelled where the work was cancelled by itself, and whatever the
        work raises. When the time is up or the caller is cancelled, so is the work.
        """
        task = self.start(work)
        try:
            async with deadline(self._clock, until):
                await asyncio.wait({task})
        finally:
            if not task.done():
                await cancel({task}, self._clock)
        if task.cancelled():
            raise Cancelled("it was cancelled from within")
        return task.result()

    async def cancel(self) -> None:
        """Cancel all that run, and wait for them for at most GRACE."""
        await cancel(set(self._running), self._clock)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen by whoever awaits the task, or too late for anybody


class Signal:
    """Wakes whoever waits for the next change."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wake all who wait now."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Return at the next `notify`."""
        await self._event.wait()
