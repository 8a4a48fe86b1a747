"""A trio loop in a thread of its own, driven from asyncio.

In go `TrioToken.run_sync_soon` calls, out come `call_soon_threadsafe` ones. Each call has a cancel
scope of its own, so that cancelling it here cancels it there.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

from bitboot_core import BackendError, BitBootError, NotRunning

T = TypeVar("T")
R = TypeVar("R")

CLOSE_WITHIN = 1.5
"""Seconds that what runs there gets to close in order; then it is cancelled."""


class TrioThread(Generic[T]):
    """One use of a context in trio: entered by `start`, left by `aclose`, in the same thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread | None = None
        self._started: asyncio.Future[T]
        self._ended: asyncio.Future[None]
        self._pending: set[asyncio.Future[Any]] = set()
        self._closing = False
        self._token: Any = None  # trio's, once its loop runs
        self._scope: Any = None  # around everything
        self._nursery: Any = None  # of the calls; there once the context is entered

    async def start(self, enter: Callable[[], AbstractAsyncContextManager[T]]) -> T:
        """Begin. `enter` is called in the thread, where its imports hold up nobody. Raises as it does."""
        self._loop = asyncio.get_running_loop()
        self._started, self._ended = self._loop.create_future(), self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(enter,), name=self._name, daemon=True)
        self._thread.start()
        return await asyncio.shield(self._started)

    async def aclose(self) -> None:
        """End everything, and wait for the thread. May be called again, as after a cancellation."""
        self._closing = True
        if self._thread is None:
            return
        if self._token is not None:
            self._enqueue(self._stop)
        await asyncio.shield(self._ended)
        self._thread.join()  # it has nothing left to do

    async def call(self, work: Callable[[], Awaitable[R]]) -> R:
        """Await `work()` in trio. Raises what it raises, as a BitBootError; NotRunning once closed."""
        future, cancel = self._submit(work)
        try:
            result: R = await future
        except asyncio.CancelledError:
            cancel()
            raise
        return result

    async def stream(self, work: Callable[[Callable[[R], None]], Awaitable[None]]) -> AsyncIterator[R]:
        """What `work(send)` sends in trio, as it comes. Raises as `call`. Closing it cancels the work."""
        arrived: asyncio.Queue[list[R]] = asyncio.Queue()  # what the work sends is capped
        future, cancel = self._submit(lambda: work(lambda item: self._tell(arrived.put_nowait, [item])))
        future.add_done_callback(lambda _: arrived.put_nowait([]))
        try:
            while items := await arrived.get():
                yield items[0]
            future.result()
        finally:
            cancel()

    # Inside

    def _submit(self, work: Callable[[], Awaitable[R]]) -> tuple[asyncio.Future[R], Callable[[], None]]:
        if self._closing or self._nursery is None:
            raise _not_running()
        future: asyncio.Future[R] = self._loop.create_future()
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # it is seen
        job = _Job(work, lambda finish: self._tell(_settle, future, finish))
        self._enqueue(lambda: self._nursery.start_soon(job.run))
        return future, lambda: None if future.done() and not future.cancelled() else self._enqueue(job.cancel)

    def _enqueue(self, function: Callable[[], None]) -> None:
        import trio  # noqa: PLC0415 - the thread has imported it already

        with contextlib.suppress(trio.RunFinishedError):  # then `_end` has told who waits
            self._token.run_sync_soon(function)

    def _tell(self, function: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # asyncio's loop has closed: nobody waits any more
            self._loop.call_soon_threadsafe(function, *arguments)

    def _run(self, enter: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        error: BaseException = _not_running()
        try:
            import trio  # noqa: PLC0415 - it takes a while, and here it holds up nobody

            trio.run(self._serve, enter)
        except BaseException as failure:  # noqa: BLE001 - raised by whoever awaits `start`
            error = failure
        self._tell(self._end, error)

    def _end(self, error: BaseException) -> None:
        if not self._started.done():
            self._started.set_exception(_typed(error))
            self._started.exception()  # it is seen
        for future in [*self._pending]:
            if not future.done():
                future.set_exception(_not_running())
        if not self._ended.done():
            self._ended.set_result(None)

    async def _serve(self, enter: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        import trio  # noqa: PLC0415

        with trio.CancelScope() as self._scope:
            self._token = trio.lowlevel.current_trio_token()
            if self._closing:
                return
            async with enter() as thing, trio.open_nursery() as self._nursery:
                self._tell(_settle, self._started, lambda future: future.set_result(thing))
                await trio.sleep_forever()

    def _stop(self) -> None:
        import trio  # noqa: PLC0415

        if self._nursery is None:
            self._scope.cancel()
        else:
            self._scope.deadline = trio.current_time() + CLOSE_WITHIN
            self._nursery.cancel_scope.cancel()


class _Job(Generic[R]):
    def __init__(
        self,
        work: Callable[[], Awaitable[R]],
        tell: Callable[[Callable[[asyncio.Future[R]], None]], None],
    ) -> None:
        import trio  # noqa: PLC0415

        self._work, self._tell = work, tell
        self._scope = trio.CancelScope()

    def cancel(self) -> None:
        self._scope.cancel()

    async def run(self) -> None:
        error: BaseException = _not_running()
        try:
            with self._scope:
                result = await self._work()
                self._tell(lambda future: future.set_result(result))
                return
        except Exception as failure:  # noqa: BLE001 - reported to whoever called
            error = failure
        finally:
            typed = _typed(error)
            self._tell(lambda future: future.set_exception(typed))


def _settle(future: asyncio.Future[R], finish: Callable[[asyncio.Future[R]], None]) -> None:
    if not future.done():
        finish(future)


def _not_running() -> NotRunning:
    return NotRunning("this node is not running", hint="start() it first, and not after aclose()")


def _typed(error: BaseException) -> BitBootError:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, BitBootError):
        return error
    wrapped = BackendError(f"libp2p failed: {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped
