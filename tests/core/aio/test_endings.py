"""Work that is done to its end whoever is cancelled."""

import asyncio
import logging

import pytest

from bitboot_core import NotRunning
from bitboot_core.aio.endings import Endings
from bitboot_core.testing import answers, fails


async def cancelled_waiting(
    endings: Endings, released: asyncio.Event, error: Exception | None = None
) -> None:
    """Begin work that ends when `released`, and cancel whoever waits for it."""

    async def work() -> None:
        await released.wait()
        if error is not None:
            raise error

    waiting = asyncio.ensure_future(endings.finish(work()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_it_gives_and_raises_what_the_work_does() -> None:
    endings = Endings()
    assert await endings.finish(answers(7)()) == 7
    with pytest.raises(ValueError, match="no"):
        await endings.finish(fails(ValueError("no"))())
    await endings.wait()


async def test_a_cancelled_caller_is_told_at_once_and_the_work_goes_on() -> None:
    endings, released = Endings(), asyncio.Event()
    await cancelled_waiting(endings, released)
    waiting = asyncio.ensure_future(endings.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    released.set()
    await waiting


@pytest.mark.parametrize(("error", "level"), [(NotRunning("closed"), "INFO"), (ValueError("a bug"), "ERROR")])
async def test_what_goes_wrong_when_nobody_waits_any_more_is_logged(
    caplog: pytest.LogCaptureFixture, error: Exception, level: str
) -> None:
    caplog.set_level(logging.INFO, "bitboot_core")
    endings, released = Endings(), asyncio.Event()
    await cancelled_waiting(endings, released, error)
    released.set()
    await endings.wait()
    await asyncio.sleep(0)
    (record,) = [one for one in caplog.records if one.name == "bitboot_core.aio.endings"]
    assert record.levelname == level
    assert str(error) in caplog.text
