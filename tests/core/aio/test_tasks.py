"""Tasks with an owner, and waits with an end."""

import asyncio

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
