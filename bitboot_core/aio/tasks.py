"""Tasks with an owner, and waits with an end: what the core needs to live with any backend.

A well-made backend ends when it is cancelled. This module is for the others: nobody waits for them
longer than `GRACE`, and whatever still runs then stays with its owner, who tries again at its end.
No error is lost: what nobody awaits is logged with its traceback.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from ..errors import BitBootError
from .clock import Clock, TimeUp, deadline
from .logs import logger

_T = TypeVar("_T")

GRACE = 0.05
"""Seconds that a cancelled task gets to clean up before its caller goes on."""

_log = logger(__name__)


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
        # In the order of their start: to cancel thousands in another takes each a search among the waiters.
        self._running: dict[asyncio.Task[Any], None] = {}

    def __len__(self) -> int:
        return len(self._running)

    def start(
        self, work: Coroutine[Any, Any, _T], *, failed: Callable[[BaseException], object] | None = None
    ) -> asyncio.Task[_T]:
        """Run `work` on its own, where nobody awaits it.

        Where it raises, that is logged with its traceback, and `failed` is called with the error.
        """
        task = self._begin(work)

        def ended(task: asyncio.Task[_T]) -> None:
            error = _error_of(task)
            if error is not None:
                _log.error("%s ended with an error", _name_of(task), exc_info=error)
                if failed is not None:
                    failed(error)

        task.add_done_callback(ended)
        return task

    async def run(self, work: Coroutine[Any, Any, _T], until: float | None) -> _T:
        """Await `work`, no longer than `until`.

        Raises TimeUp at that time, Cancelled where the work was cancelled by itself, and whatever the
        work raises. When the time is up or the caller is cancelled, so is the work; what it raises
        after that is logged.
        """
        task = self._begin(work)
        try:
            await self._until_done(task, until)
        except BaseException:
            task.add_done_callback(_log_late_error)
            raise
        finally:
            if not task.done():
                await cancel({task}, self._clock)
        if task.cancelled():
            raise Cancelled("it was cancelled from within")
        return task.result()

    async def _until_done(self, task: asyncio.Task[Any], until: float | None) -> None:
        """Wait for a task, whatever becomes of it. Raises TimeUp.

        With a future and a timer, which is cheaper than a `deadline`: all calls of backends come by here.
        """
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def end(_: object = None) -> None:
            if not ended.done():
                ended.set_result(None)

        task.add_done_callback(end)
        timer = None if until is None else self._clock.call_at(until, end)
        try:
            await ended
        finally:
            task.remove_done_callback(end)
            if timer is not None:
                timer.cancel()
        if not task.done():
            raise TimeUp

    async def cancel(self) -> None:
        """Cancel all that run, and wait for them for at most GRACE."""
        await cancel(list(self._running), self._clock)

    def _begin(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = asyncio.get_running_loop().create_task(work)
        self._running[task] = None
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running.pop(task, None)


def _error_of(task: asyncio.Task[Any]) -> BaseException | None:
    """What a task that is done has raised; None where it has not, or was cancelled."""
    return None if task.cancelled() else task.exception()


def _name_of(task: asyncio.Task[Any]) -> str:
    return getattr(task.get_coro(), "__qualname__", None) or task.get_name()


def _log_late_error(task: asyncio.Task[Any]) -> None:
    error = _error_of(task)
    if isinstance(error, BitBootError):
        _log.debug("%s failed after its time was up: %s", _name_of(task), error)
    elif error is not None:
        _log.warning("%s failed after its time was up", _name_of(task), exc_info=error)


class Signal:
    """Wakes whoever waits for the next change.

    Of thousands who wait any may give up, at the same cost whichever it is: an asyncio.Event would look
    for it among all of them.
    """

    def __init__(self) -> None:
        self._waiters: dict[asyncio.Future[None], None] = {}

    def notify(self) -> None:
        """Wake all who wait now."""
        if not self._waiters:
            return
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Return at the next `notify`."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = None
        try:
            await waiter
        finally:
            self._waiters.pop(waiter, None)
