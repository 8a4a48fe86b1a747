"""Work that is done to its end whoever is cancelled: to close what was opened, mostly."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from ..errors import BitBootError
from .logs import logger

T = TypeVar("T")

_log = logger(__name__)


class Endings:
    """Such work of one owner. It has to end by itself, within a time that its author knows."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`. Where the caller is cancelled it goes on, and what it raises then is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            await asyncio.wait({task})
        except BaseException:
            task.add_done_callback(_log_error)
            raise
        return task.result()

    async def wait(self) -> None:
        """Wait until all that was begun has ended."""
        while self._running:
            await asyncio.wait(set(self._running))


def _log_error(task: asyncio.Task[Any]) -> None:
    error = None if task.cancelled() else task.exception()
    if isinstance(error, BitBootError):
        _log.info("after its caller was cancelled: %s", error)
    elif error is not None:
        _log.error("work failed after its caller was cancelled", exc_info=error)
