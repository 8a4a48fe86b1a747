"""A swarm that one is in: an announcement and a watch, begun and closed together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bitboot_core import (
    BackendTimeout,
    KnownHost,
    NetworkDefinition,
    NotRunning,
    PeerJoined,
    Receipt,
    Registry,
    swarm_key,
)
from bitboot_core.aio.clock import sleep_until
from bitboot_core.testing import FakeBackend, ManualClock, hangs, spec_of

PEER = KnownHost("192.0.2.7", 6881)
OTHER = KnownHost("192.0.2.8", 6881)


class Slow(FakeBackend):
    """It takes half a second to store a peer, and then tells of it."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        await sleep_until(self._clock, self._clock.now() + 0.5)
        if endpoint not in self.peers:
            self.peers.append(endpoint)
        return await super().announce(key, endpoint, lifetime=lifetime)


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


async def test_of_two_that_join_at_the_same_moment_each_finds_the_other_at_once(
    serve: Any, clock: ManualClock
) -> None:
    """Each looks before either is stored, and once more when it is: the later one finds both."""
    bitboot = await serve(shared := Slow(clock))
    async with bitboot.join("swarm", PEER) as first, bitboot.join("swarm", OTHER) as second:
        await clock.advance(0.4)
        assert first.peers == second.peers == []
        await clock.advance(1.0)
        assert {peer.endpoint for peer in first.peers} == {peer.endpoint for peer in second.peers}
        assert {peer.endpoint for peer in second.peers} == {PEER, OTHER}
        looked = shared.count("lookup")
        await clock.advance(3.0)
        assert shared.count("lookup") == looked == 4  # and no more often than that


async def test_a_network_that_stores_it_later_is_scanned_once_it_does(serve: Any, clock: ManualClock) -> None:
    quick, slow = FakeBackend(), Slow(clock)
    bitboot = await serve(quick, slow)
    async with bitboot.join("swarm", PEER) as swarm:
        await clock.advance(0.3)
        assert [backend.count("lookup") for backend in (quick, slow)] == [1, 1]
        await clock.advance(1.5)
        assert [backend.count("lookup") for backend in (quick, slow)] == [2, 2]
        assert [peer.endpoint for peer in swarm.peers] == [PEER]


async def test_a_network_that_comes_back_is_scanned_once_more_as_well(
    serve: Any, registry: Registry, clock: ManualClock
) -> None:
    bitboot = await serve(FakeBackend())
    slow = Slow(clock)
    registry.register_backend(spec_of(slow, "slow-backend", ["slow"]))
    network = NetworkDefinition("slow", "slow")
    async with bitboot.join("swarm", PEER) as swarm:
        for turn in (1, 2):
            await bitboot.add_network(network)
            await clock.advance(1.5)
            assert slow.count("lookup") == 2 * turn
            await bitboot.remove_network("slow")
            assert "slow" not in swarm.status


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
