"""An error that nobody has foreseen ends no task without a word: it is logged, and shown to who looks."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from bitboot_core import BackendError, KnownHost
from bitboot_core._swarms.records import Record
from bitboot_core.aio import timing
from bitboot_core.testing import FakeBackend, ManualClock

PEER = KnownHost("192.0.2.7", 6881)


def raises(*arguments: object, **more: object) -> Any:
    raise LookupError("a mistake of our own")


def only_error(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    (logged,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert logged.exc_info is not None
    return logged


async def test_of_an_announcement(
    serve: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Record, "pause", raises)
    bitboot = await serve(FakeBackend())
    async with bitboot.announce("swarm", PEER) as announcement:
        await clock.settle()
        status = announcement.status["fake"]
        assert isinstance(status.last_error, BackendError)
        assert "a mistake of our own" in str(status.last_error)
        assert "announce" in str(status.last_error)
        assert status.next_try is None
        assert "_keep" in only_error(caplog).getMessage()
        await clock.advance(1801)
        with pytest.raises(BackendError, match="a mistake of our own"):
            await announcement.announced()


async def test_of_a_watch(
    serve: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(timing, "scan_after", raises)
    bitboot = await serve(FakeBackend(peers=[PEER]))
    async with bitboot.watch("swarm") as watch:
        for _ in range(2):  # the scan itself, and what came of it
            await watch.scanned()
        assert [peer.endpoint for peer in watch.peers] == [PEER]
        assert "a mistake of our own" in str(watch.failures["fake"])
        assert "_scan_for_ever" in only_error(caplog).getMessage()
