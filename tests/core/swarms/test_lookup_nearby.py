"""Where a lookup asks the local network too: a peer in the same house comes with its local address first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bitboot_core import Announces, Capabilities, KnownHost, Scope
from bitboot_core.testing import FakeBackend, ManualClock, fails, waits

NEAR = Capabilities(can_withdraw=True, announces=Announces.OWN_ADDRESS, scope=Scope.LAN)
OUTSIDE = KnownHost("198.51.100.7", 7001)
"""How the others see a peer of this house."""
ELSEWHERE = KnownHost("203.0.113.9", 7001)
INSIDE = KnownHost("192.168.1.3", 7001)


class Dht(FakeBackend):
    seen_at = (OUTSIDE.host,)


class Lan(FakeBackend):
    seen_at = ("192.168.1.2",)

    def __init__(self, *peers: KnownHost, **acts: Any) -> None:
        super().__init__(peers=peers, capabilities=NEAR, **acts)


class SlowLan(Lan):
    """It yields its peers after its act."""

    async def lookup(self, key: bytes) -> Any:
        await self._act("lookup", key)
        for peer in self.peers:
            yield peer


async def test_the_local_address_comes_first_however_late_it_is_known(serve: Any, clock: ManualClock) -> None:
    far, near = Dht(peers=[OUTSIDE, ELSEWHERE]), SlowLan(INSIDE, lookup=waits(clock, 0.5))
    bitboot = await serve(far, near)
    async with bitboot.find("swarm", timeout=20) as found:
        read: list[Any] = []

        async def read_all() -> None:
            async for peer in found:
                read.append(peer.endpoint)

        reading = asyncio.ensure_future(read_all())
        await clock.settle()
        assert read == [ELSEWHERE], "whoever is elsewhere waits for nobody"
        await clock.advance(1)
        await reading
    assert read == [ELSEWHERE, INSIDE, OUTSIDE]


async def test_the_list_has_the_local_ones_first(serve: Any) -> None:
    bitboot = await serve(Dht(peers=[ELSEWHERE]), Lan(INSIDE))
    peers = await bitboot.lookup("swarm")
    assert [(peer.endpoint, peer.sources) for peer in peers] == [
        (INSIDE, ("other",)),
        (ELSEWHERE, ("fake",)),
    ]


async def test_one_that_both_tell_of_is_one_peer_and_counts_as_local(serve: Any) -> None:
    bitboot = await serve(Dht(peers=[ELSEWHERE, INSIDE]), Lan(INSIDE))
    peers = await bitboot.lookup("swarm")
    assert [(peer.endpoint, set(peer.sources)) for peer in peers] == [
        (INSIDE, {"fake", "other"}),
        (ELSEWHERE, {"fake"}),
    ]


@pytest.mark.parametrize("lan", ["fails", "late", "removed"])
async def test_what_is_held_is_not_lost(serve: Any, clock: ManualClock, lan: str) -> None:
    act = fails(ValueError("no")) if lan == "fails" else waits(clock, 1_000)
    bitboot = await serve(Dht(peers=[OUTSIDE]), SlowLan(lookup=act))
    async with bitboot.find("swarm", timeout=20) as found:
        reading = asyncio.ensure_future(anext(found))
        await clock.settle()
        assert reading.done() is (lan == "fails")
        if lan == "removed":
            await bitboot.remove_network("other")
        elif lan == "late":
            await clock.advance(20)
        assert (await reading).endpoint == OUTSIDE
        with pytest.raises(StopAsyncIteration):
            await anext(found)


async def test_what_is_held_counts_to_the_limit(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(Dht(peers=[OUTSIDE]), SlowLan(lookup=waits(clock, 1_000)))
    async with bitboot.find("swarm", limit=1, timeout=20) as found:
        assert [peer.endpoint async for peer in found] == [OUTSIDE]


async def test_own_addresses_on_the_local_network_are_not_held(serve: Any, clock: ManualClock) -> None:
    """A program's own announcement is among its peers."""
    mine = KnownHost("192.168.1.2", 7001)
    bitboot = await serve(Dht(), Lan(mine, lookup=waits(clock, 1_000)))
    async with bitboot.find("swarm", timeout=20) as found:
        assert (await anext(found)).endpoint == mine


async def test_without_a_local_network_nothing_is_held(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(Dht(peers=[OUTSIDE], lookup=waits(clock, 1_000)))
    async with bitboot.find("swarm", timeout=20) as found:
        assert (await anext(found)).endpoint == OUTSIDE
