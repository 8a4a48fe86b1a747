"""Blocking work in a thread that holds up neither the event loop nor its end."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


async def in_thread(work: Callable[[], _T], name: str) -> _T:
    """Await `work()` in a daemon thread of its own; raise what it raises.

    Where the caller is cancelled the work goes on, and nobody waits for it: asyncio's own pool would
    be joined by `asyncio.run`, so that a resolver or a disk that hangs would hold up every Ctrl-C.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def settle(finish: Callable[[], None]) -> None:
        if not future.done():
            finish()

    def run() -> None:
        finish: Callable[[], None]
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - raised by whoever awaits it
            failure = error
            finish = lambda: future.set_exception(failure)  # noqa: E731 - one of two
        else:
            finish = lambda: future.set_result(result)  # noqa: E731
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile: nobody waits any more
            loop.call_soon_threadsafe(settle, finish)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future
