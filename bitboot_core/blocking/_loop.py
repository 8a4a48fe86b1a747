"""An event loop in a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from ..aio._forks import let_go_in_children
from ..errors import NotRunning

T = TypeVar("T")

GRACE = 0.2
"""Seconds that calls of other threads get to come to their end when the loop is stopped."""

# Windows delivers Ctrl-C only between two waits.
_WAIT = 0.2 if sys.platform == "win32" else None


class LoopThread:
    """An event loop in a thread, started at the first call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._is_copy = False
        let_go_in_children(self, LoopThread._let_go)

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` has been called."""
        return self._stopped

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run what `work` makes on the loop and wait for it. Cancels it if the waiting is interrupted.

        Raises what that raises, and NotRunning once the loop is stopped, or on the loop itself.

        `work` is called on the loop, where no Ctrl-C arrives: between making a coroutine and handing
        it over, one would leave it behind, never awaited.
        """
        call, loop = _Call(work), None
        try:
            with self._lock:  # what is handed over before `stop` is begun before the loop ends
                loop = self._running()
                loop.call_soon_threadsafe(call.begin)
            return call.result()
        except asyncio.CancelledError:
            raise NotRunning("this BitBoot was closed meanwhile", hint="make a new one") from None
        except BaseException:
            if loop is not None:
                call.cancel(loop)
            raise

    def ask(self, question: Callable[[], T]) -> T:
        """Call a plain function on the loop: what it reads is changed there."""

        async def answer() -> T:
            return question()

        return self.call(answer)

    def stop(self) -> None:
        """End the loop and its thread. May be called twice, and before the first call."""
        if self._is_copy:
            return
        with self._lock:
            self._stopped = True
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _let_go(self) -> None:
        """We are in a child of os.fork: the thread is not here, and somebody may have held the lock."""
        self._lock = threading.Lock()
        self._is_copy = self._stopped = True
        # The loop is kept: if it were collected it would close, and touch what it shares with the parent's.

    def _running(self) -> asyncio.AbstractEventLoop:
        """The loop, begun if it is not yet. The lock is held."""
        if self._thread is threading.current_thread():
            raise NotRunning(
                "bitboot_core.blocking was called on its own event loop",
                hint="call it from another thread, or use bitboot_core's BitBoot there",
            )
        if self._is_copy:
            raise NotRunning(
                "this BitBoot is a copy that os.fork made: it runs in the parent process only",
                hint="make a new one here, or start the process with multiprocessing's spawn",
            )
        if self._stopped:
            raise NotRunning("this BitBoot has been closed", hint="make a new one")
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # A daemon, so that a program that forgets to close can end; `atexit` closes then.
            self._thread = threading.Thread(target=_run, args=(self._loop,), name="bitboot-loop", daemon=True)
            self._thread.start()
        return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        # Whoever waits in another thread for what the end brings gets it, or else a cancellation.
        waiting = asyncio.all_tasks(loop)
        if waiting:
            loop.run_until_complete(asyncio.wait(waiting, timeout=GRACE))
        for task in asyncio.all_tasks(loop):
            task.cancel()
            loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


class _Call(Generic[T]):
    """What one thread asks of the loop's, and waits for.

    The result comes by a SimpleQueue, which Ctrl-C can interrupt anywhere. Where it interrupts the wait for a
    `concurrent.futures.Future`, it may leave that locked, and the loop would wait for the lock for ever.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._work = work
        self._done: SimpleQueue[asyncio.Task[T]] = SimpleQueue()
        self._task: asyncio.Task[T] | None = None
        self._is_cancelled = False

    def begin(self) -> None:
        """Run the work in a task. On the loop."""
        if not self._is_cancelled:
            self._task = asyncio.get_running_loop().create_task(self._run())
            self._task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # has been looked at, also where nobody waits any more
        self._done.put(task)

    def result(self) -> T:
        """What the work returns or raises; CancelledError where the loop has ended."""
        while True:
            try:
                return self._done.get(timeout=_WAIT).result()
            except Empty:
                continue

    def cancel(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nobody waits for it any more. Nothing happens where it has ended."""
        self._is_cancelled = True
        with suppress(RuntimeError):  # the loop is closed, and with it the task
            loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> T:
        return await self._work()
