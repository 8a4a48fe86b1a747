"""Going through a coroutine await by await: to count them, and to cancel at each."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


class Steps:
    """Counts the awaits at which a piece of work really waited, and cancels at one of them.

    `cancel_at`: the number of the await, from 0, at which the running task is cancelled.
    """

    def __init__(self, cancel_at: int | None = None) -> None:
        self.taken: int = 0
        self._cancel_at = cancel_at

    @property
    def cancelled(self) -> bool:
        """Whether the await at which to cancel has been reached."""
        return self._cancel_at is not None and self.taken > self._cancel_at

    async def count(self, work: Awaitable[T]) -> T:
        """Await `work` in the running task, step by step."""
        result: T = await self._through(work)
        return result

    @types.coroutine
    def _through(self, work: Awaitable[T]) -> Generator[Any, Any, T]:
        # What a coroutine yields up to the event loop is what it waits for: `yield from`, written out.
        inner = work.__await__()
        step: Callable[[], Any] = partial(next, inner)
        while True:
            try:
                waited_for = step()
            except StopIteration as end:
                result: T = end.value
                return result
            if self.taken == self._cancel_at:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()  # delivered where the coroutine waits now
            self.taken += 1
            try:
                yield waited_for
            except BaseException as error:  # noqa: BLE001 - passed on to whom it is meant for
                step = partial(_throw, inner, error)
            else:
                step = partial(next, inner)


def _throw(inner: Generator[Any, Any, Any], error: BaseException) -> Any:
    return inner.throw(error)
