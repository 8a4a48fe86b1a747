"""Shards: their keys, announcing under two keys, and reading them where there is a crowd."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bitboot_core import (
    AnnounceFailed,
    Announces,
    BackendError,
    Capabilities,
    KnownHost,
    Receipt,
    Scope,
    swarm_key,
)
from bitboot_core._swarms.shards import COUNT, all_shards, shard_key, shard_of
from bitboot_core.aio.timing import CROWDED_SCAN
from bitboot_core.testing import FakeBackend, ManualClock

CROWD = 10
CAPABILITIES = Capabilities(
    can_withdraw=True, announces=Announces.ANY_ADDRESS, scope=Scope.PUBLIC, crowd=CROWD
)
KEY = swarm_key("swarm")
PEER = KnownHost("192.0.2.7", 6881)
SHARD = shard_key(KEY, shard_of(KEY, PEER, b""))


def hosts(count: int, first: int = 1) -> list[KnownHost]:
    return [KnownHost("192.0.2.7", port) for port in range(first, first + count)]


class Keyed(FakeBackend):
    """Knows peers by key, and refuses or fails to store under some keys."""

    def __init__(self, by_key: dict[bytes, list[KnownHost]] | None = None, **options: Any) -> None:
        super().__init__(capabilities=CAPABILITIES, **options)
        self.by_key = by_key or {}
        self.refused: dict[bytes, Exception] = {}
        self.waits: dict[bytes, asyncio.Event] = {}

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        self.calls.append(("announce", key, endpoint))
        if key in self.waits:
            await self.waits[key].wait()
        if key in self.refused:
            raise self.refused[key]
        return Receipt(8 if key == KEY else 5, lifetime)

    async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        self.calls.append(("lookup", key))
        if key in self.refused:
            raise self.refused[key]
        for peer in self.by_key.get(key, []):
            yield peer

    def keys(self, method: str) -> list[bytes]:
        """Under which keys something was called, in order."""
        return [call[1] for call in self.calls if call[0] == method]


def crowd(count: int = CROWD) -> dict[bytes, list[KnownHost]]:
    """So many peers under the key, and one more under each shard."""
    shards = {key: [host] for key, host in zip(all_shards(KEY), hosts(COUNT, first=1000), strict=True)}
    return {KEY: hosts(count)} | shards


# The derivation. These vectors are in docs/large-swarms.md, for others to implement it.


def test_the_keys_of_shards() -> None:
    key = swarm_key("unique_network")
    assert key.hex() == "078edde75dfaedec39af722e0d83845e8faff30d"
    assert shard_key(key, 0).hex() == "e37c712b83c9c6fcf665de2d5c838870cfbffec6"
    assert shard_key(key, 1).hex() == "b716dde68e410ee69835462e6c81af7f982fc9c5"
    assert shard_key(key, 63).hex() == "f4b699c6200b93a05aa41f9fb29ca9dde545f9d5"


def test_there_are_64_different_ones() -> None:
    assert len({KEY, *all_shards(KEY)}) == COUNT + 1 == 65
    assert all_shards(KEY) == [shard_key(KEY, number) for number in range(64)]


@pytest.mark.parametrize("number", [-1, 64, 256])
def test_there_is_no_other(number: int) -> None:
    with pytest.raises(ValueError, match="0 to 63"):
        shard_key(KEY, number)


def test_the_shard_of_an_endpoint() -> None:
    key = swarm_key("unique_network")
    assert shard_of(key, KnownHost("192.0.2.7", 6881), b"whatever") == 43
    assert shard_of(key, KnownHost("2001:db8::1", 6881), b"") == 63
    assert shard_of(key, KnownHost("", 6881), b"salt") == 14


def test_peers_scatter_evenly() -> None:
    known = [shard_of(KEY, host, b"") for host in hosts(6400)]
    unknown = [shard_of(KEY, KnownHost("", 6881), b"%d" % number) for number in range(6400)]
    for shards in (known, unknown):
        counts = [shards.count(number) for number in range(COUNT)]
        assert min(counts) > 50
        assert max(counts) < 160


# Announcing


async def test_a_peer_is_announced_under_the_key_and_one_shard(serve: Any) -> None:
    backend = Keyed()
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
        assert announcement.status["fake"].stored_on == 8
        assert announcement.status_of("swarm")["fake"] == announcement.status["fake"]
    assert backend.keys("announce") == [KEY, SHARD]
    assert sorted(backend.keys("withdraw")) == sorted([KEY, SHARD])


async def test_without_a_host_the_shard_is_chance_and_stays_the_same(serve: Any, clock: ManualClock) -> None:
    backend = Keyed()
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", port=6881), bitboot.announce("swarm", port=6881):
        await clock.advance(7200)
    announced = set(backend.keys("announce"))
    assert len(announced) == 2
    assert announced - {KEY} < set(all_shards(KEY))
    assert backend.count("announce") > 10


async def test_both_are_renewed_each_at_its_time(serve: Any, clock: ManualClock) -> None:
    backend = Keyed()
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await clock.advance(86_400)
        assert announcement.status["fake"].successes == backend.keys("announce").count(KEY)
    for key in (KEY, SHARD):
        assert 86_400 / 1620 - 1 < backend.keys("announce").count(key) < 86_400 / 1350 + 2


async def test_a_shard_that_fails_does_not_spoil_the_key(serve: Any, clock: ManualClock) -> None:
    backend = Keyed()
    backend.refused[SHARD] = BackendError("no shard today")
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
        await clock.advance(600)
        status = announcement.status["fake"]
        assert status.stored_on == 8
        assert str(status.last_error) == "no shard today"
        assert backend.keys("announce").count(KEY) == 1
        assert backend.keys("announce").count(SHARD) > 1
        backend.refused.clear()
        await clock.advance(600)
        assert announcement.status["fake"].last_error is None


async def test_a_key_that_is_full_is_made_up_for_by_the_shard(serve: Any, clock: ManualClock) -> None:
    backend = Keyed()
    backend.refused[KEY] = AnnounceFailed("full")
    backend.waits[SHARD] = asyncio.Event()
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        announced = asyncio.create_task(announcement.announced())
        await clock.settle()
        assert not announced.done(), "the shard may store it yet"
        backend.waits[SHARD].set()
        await announced
        status = announcement.status["fake"]
        assert (status.stored_on, status.expires_in) == (5, 1800.0)
        assert str(status.last_error) == "full"
        assert status.next_try is not None
        assert status.next_try <= 300, "the key's next attempt is meant, not the shard's"
        await clock.advance(600)
        assert backend.keys("announce").count(KEY) > 1, "it is tried on"


async def test_a_shard_does_not_count_while_the_key_is_under_way(serve: Any, clock: ManualClock) -> None:
    backend = Keyed()
    backend.waits[KEY] = asyncio.Event()
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        announced = asyncio.create_task(announcement.announced())
        await clock.settle()
        assert backend.count("announce") == 2
        assert not announced.done()
        assert announcement.status["fake"].stored_on == 0
        backend.waits[KEY].set()
        await announced
        assert announcement.status["fake"].stored_on == 8


async def test_where_both_fail_it_has_failed(serve: Any) -> None:
    backend = Keyed()
    backend.refused = {KEY: AnnounceFailed("full"), SHARD: AnnounceFailed("full as well")}
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        with pytest.raises(AnnounceFailed, match="full"):
            await announcement.announced()
        assert announcement.status["fake"].stored_on == 0


async def test_shards_wait_until_all_keys_have_had_their_turn(serve: Any, clock: ManualClock) -> None:
    backend = Keyed()
    bitboot = await serve(backend)
    names = [f"swarm {number}" for number in range(40)]
    async with bitboot.announce(names, PEER):
        await clock.settle()
    assert backend.keys("announce")[:40] == [swarm_key(name) for name in names]
    assert backend.count("announce") == 80


# Finding


async def test_a_crowd_is_read_from_all_shards(serve: Any) -> None:
    backend = Keyed(crowd())
    bitboot = await serve(backend)
    async with bitboot.find("swarm") as found:
        assert len(await found.collect()) == CROWD + COUNT
        assert found.crowded
    assert backend.keys("lookup") == [KEY, *all_shards(KEY)]


async def test_a_crowd_of_which_one_is_enough_fails_nowhere(serve: Any) -> None:
    bitboot = await serve(Keyed(crowd()))
    async with bitboot.find("swarm", limit=1) as found:
        assert len(await found.collect()) == 1
        assert not found.failures


async def test_a_small_swarm_costs_nothing_more(serve: Any) -> None:
    backend = Keyed(crowd(CROWD - 1))
    backend.by_key[KEY] *= 3  # a backend may repeat itself
    bitboot = await serve(backend)
    async with bitboot.find("swarm") as found:
        assert len(await found.collect()) == CROWD - 1
        assert not found.crowded
    assert backend.keys("lookup") == [KEY]


async def test_a_backend_without_crowds_has_no_shards(serve: Any) -> None:
    backend = Keyed(crowd(100))
    backend._capabilities = replace(CAPABILITIES, crowd=None)
    bitboot = await serve(backend)
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
    assert len(await bitboot.lookup("swarm")) == 100
    assert backend.keys("announce") == backend.keys("lookup") == [KEY]


async def test_a_limit_that_the_key_satisfies_reads_no_shard(serve: Any) -> None:
    backend = Keyed(crowd(50))
    bitboot = await serve(backend)
    assert len(await bitboot.lookup("swarm", limit=50)) == 50
    assert backend.keys("lookup") == [KEY]


async def test_a_limit_ends_the_reading_of_shards(serve: Any) -> None:
    backend = Keyed(crowd(50))
    bitboot = await serve(backend)
    assert len(await bitboot.lookup("swarm", limit=60)) == 60
    assert len(backend.keys("lookup")) < 1 + COUNT


async def test_a_shard_that_fails_spoils_no_other(serve: Any) -> None:
    backend = Keyed(crowd())
    backend.refused[all_shards(KEY)[7]] = BackendError("no such luck")
    bitboot = await serve(backend)
    async with bitboot.find("swarm") as found:
        assert len(await found.collect()) == CROWD + COUNT - 1
        assert str(found.failures["fake"]) == "no such luck"


async def test_each_network_is_crowded_for_itself(serve: Any) -> None:
    quiet, full = Keyed({KEY: hosts(3)}), Keyed(crowd())
    bitboot = await serve(quiet, full)
    assert len(await bitboot.lookup("swarm")) == CROWD + COUNT
    assert (quiet.count("lookup"), full.count("lookup")) == (1, 1 + COUNT)


async def test_a_watch_reads_a_crowd_at_its_own_pace(serve: Any, clock: ManualClock) -> None:
    backend = Keyed(crowd())
    bitboot = await serve(backend)
    async with bitboot.watch("swarm") as watch:
        await clock.settle()
        assert len(watch.peers) == CROWD + COUNT
        for port in range(int(CROWDED_SCAN)):
            backend.by_key[KEY].append(KnownHost("192.0.2.8", 1 + port))  # always somebody new
            await clock.advance(5)
    assert backend.keys("lookup").count(KEY) <= 1 + 5 / 0.8
    assert backend.keys("lookup").count(KEY) >= 4
