"""A swarm that one is in: an announcement and a watch, begun and closed together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bitboot_core import BackendTimeout, KnownHost, NotRunning, PeerJoined, swarm_key
from bitboot_core.testing import FakeBackend, ManualClock, hangs

PEER = KnownHost("192.0.2.7", 6881)
OTHER = KnownHost("192.0.2.8", 6881)


async def test_it_announces_watches_and_withdraws(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(peers=[OTHER])
    bitboot = await serve(backend)
    async with bitboot.join("swarm", PEER) as swarm:
        await swarm.announced()
        event = await anext(swarm)
        assert isinstance(event, PeerJoined)
        assert event.peer.endpoint == OTHER
        await clock.settle()
        assert [peer.endpoint for peer in swarm.peers] == [OTHER]
        assert swarm.status["fake"].stored_on == 1
        assert dict(swarm.failures) == {}
        assert (swarm.announcement.is_open, swarm.watch.is_open) == (True, True)
        assert "stored on 1 of fake" in repr(swarm)
        assert "1 peers" in repr(swarm)
    assert (swarm.announcement.is_open, swarm.watch.is_open) == (False, False)
    assert backend.calls.count(("withdraw", swarm_key("swarm"), PEER)) == 1
    await swarm.aclose()


async def test_whoever_waits_for_it_waits_no_longer_than_asked(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(announce=hangs()))
    async with bitboot.join("swarm", PEER) as swarm:
        waiting = asyncio.ensure_future(swarm.announced(timeout=1))
        await clock.advance(0.9)
        assert not waiting.done()
        await clock.advance(0.2)
        with pytest.raises(BackendTimeout, match="not announced within 1 s"):
            await waiting


async def test_where_one_of_the_two_cannot_begin_the_other_ends(serve: Any) -> None:
    backend = FakeBackend()
    bitboot = await serve(backend)
    swarm = bitboot.join("swarm", PEER)
    await swarm.watch.aclose()
    with pytest.raises(NotRunning, match="the watch can be opened once"):
        await swarm.__aenter__()
    assert not swarm.announcement.is_open
