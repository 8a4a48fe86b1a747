"""Running a command's coroutine so that Ctrl-C, SIGTERM and SIGHUP end it in good order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from .signals import Handled

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T | None:
    """Run `main` to its end and return its result, or None where a signal ended it.

    A signal cancels `main`, so that every `async with` in it withdraws and closes; a second one
    cancels that too. Of what fails in several tasks at once the first is raised.
    """
    try:
        return asyncio.run(_until_signal(main))
    except BaseExceptionGroup as group:
        raise _first(group) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


async def _until_signal(main: Coroutine[Any, Any, T]) -> T | None:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    signalled = False

    def stop() -> None:
        nonlocal signalled
        signalled = True
        task.cancel()

    with Handled(lambda *_: loop.call_soon_threadsafe(stop)):  # Windows has no loop.add_signal_handler()
        try:
            return await main
        except asyncio.CancelledError:
            if not signalled:
                raise
            return None
