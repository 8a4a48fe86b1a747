"""Tasks with an owner, and waits with an end."""

import asyncio
import gc
import logging

import pytest

from bitboot_core.aio.clock import TimeUp
from bitboot_core.aio.tasks import Cancelled, Tasks
from bitboot_core.testing import ManualClock, answers, fails, hangs, hangs_until


@pytest.fixture
def tasks(clock: ManualClock) -> Tasks:
    return Tasks(clock)


async def test_run_gives_what_the_work_gives(tasks: Tasks) -> None:
    assert await tasks.run(answers(7)(), None) == 7
    assert len(tasks) == 0


async def test_run_raises_what_the_work_raises_be_it_a_timeout(tasks: Tasks) -> None:
    with pytest.raises(TimeoutError, match="its own"):
        await tasks.run(fails(TimeoutError("its own"))(), None)


async def test_run_ends_on_time(tasks: Tasks, clock: ManualClock) -> None:
    waiting = asyncio.ensure_future(tasks.run(hangs()(), clock.now() + 5))
    await clock.advance(4.9)
    assert not waiting.done()
    await clock.advance(0.1)
    assert isinstance(waiting.exception(), TimeUp)
    assert len(tasks) == 0


async def test_work_that_heeds_no_cancellation_is_left_to_its_owner(tasks: Tasks, clock: ManualClock) -> None:
    released = asyncio.Event()
    running = asyncio.ensure_future(tasks.run(hangs_until(released)(), clock.now() + 5))
    await clock.advance(5.1)
    assert isinstance(running.exception(), TimeUp)
    assert len(tasks) == 1
    released.set()
    await tasks.cancel()
    assert len(tasks) == 0


async def test_cancelling_the_caller_cancels_the_work(tasks: Tasks, clock: ManualClock) -> None:
    waiting = asyncio.ensure_future(tasks.run(hangs()(), None))
    await clock.settle()
    assert len(tasks) == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len(tasks) == 0


async def test_work_that_cancels_itself_does_not_cancel_the_caller(tasks: Tasks) -> None:
    with pytest.raises(Cancelled):
        await tasks.run(fails(asyncio.CancelledError())(), None)


async def test_what_nobody_awaits_is_logged_with_its_traceback_and_told_to_its_owner(
    tasks: Tasks, clock: ManualClock, caplog: pytest.LogCaptureFixture, loop_errors: list[str]
) -> None:
    told: list[BaseException] = []
    error = ValueError("what")
    tasks.start(fails(error)(), failed=told.append)
    await clock.settle()
    assert told == [error]
    assert len(tasks) == 0
    (logged,) = caplog.records
    assert logged.levelno == logging.ERROR
    assert logged.exc_info is not None
    assert logged.exc_info[1] is error
    gc.collect()
    assert loop_errors == []


async def test_what_is_cancelled_or_succeeds_is_not_logged(
    tasks: Tasks, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[BaseException] = []
    tasks.start(hangs()(), failed=told.append)
    tasks.start(answers(7)(), failed=told.append)
    await clock.settle()
    await tasks.cancel()
    assert told == []
    assert caplog.records == []


async def test_what_is_raised_to_a_caller_is_not_logged_too(
    tasks: Tasks, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match="what"):
        await tasks.run(fails(ValueError("what"))(), None)
    assert caplog.records == []


async def test_an_error_that_comes_after_the_caller_has_gone_is_logged(
    tasks: Tasks, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    error = OSError("the disk has gone")

    async def cleans_up_badly() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise error

    running = asyncio.ensure_future(tasks.run(cleans_up_badly(), clock.now() + 5))
    await clock.advance(5.1)
    assert isinstance(running.exception(), TimeUp)
    (logged,) = caplog.records
    assert logged.exc_info is not None
    assert logged.exc_info[1] is error
