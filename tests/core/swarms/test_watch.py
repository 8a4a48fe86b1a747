"""A swarm over time: who joins is seen at once, who leaves is missed for long first."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bitboot_core import (
    BackendError,
    BackendTimeout,
    BitBoot,
    InvalidConfig,
    InvalidSwarmName,
    KnownHost,
    NetworkDefinition,
    NotRunning,
    Peer,
    PeerJoined,
    PeerLeft,
    Registry,
    Watch,
)
from bitboot_core._swarms import sights
from bitboot_core._swarms.sights import GONE_AFTER, MISSES, SILENT_AFTER
from bitboot_core._swarms.watch import MAX_EVENTS
from bitboot_core.testing import FakeBackend, ManualClock, fails, hangs, spec_of

HOUR, DAY = 3600.0, 86_400.0
ONE, TWO, THREE = (KnownHost("192.0.2.7", port) for port in (1, 2, 3))


class Log:
    """The events of a watch, read as they come."""

    def __init__(self, watch: Any, clock: ManualClock) -> None:
        self.events: list[tuple[float, PeerJoined | PeerLeft]] = []
        self._watch, self._clock = watch, clock
        self.task = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        async for event in self._watch:
            self.events.append((self._clock.now(), event))

    def ports(self, kind: type[PeerJoined] | type[PeerLeft]) -> list[int]:
        return [event.peer.port for _, event in self.events if isinstance(event, kind)]


class Lossy(FakeBackend):
    """Overlooks each peer with a chance of `misses`."""

    def __init__(self, peers: list[KnownHost], misses: float, seed: int = 0) -> None:
        super().__init__(peers=peers)
        self._misses, self._random = misses, random.Random(seed)

    async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        self.calls.append(("lookup", key))
        for peer in self.peers:
            if self._random.random() >= self._misses:
                yield peer


async def test_a_peer_joins_at_first_sight(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(peers=[ONE])
    bitboot = await serve(backend)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.settle()
        assert log.events == [(1000.0, PeerJoined("swarm", Peer(ONE.host, 1)))]
        assert log.events[0][1].peer.sources == ("fake",)
        assert watch.peers == [Peer(ONE.host, 1)]
        backend.peers.append(TWO)
        await clock.advance(10)
        assert log.ports(PeerJoined) == [1, 2]
    await log.task


async def test_peers_are_told_of_while_the_scan_goes_on(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(peers=[ONE], lookup=hangs()))
    async with bitboot.watch("swarm") as watch:
        assert (await anext(watch)).peer.port == 1


async def test_a_scan_can_be_asked_for(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(peers=[ONE])
    bitboot = await serve(backend)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.advance(HOUR)  # the scans are 5 minutes apart by now
        backend.peers.append(TWO)
        before = backend.count("lookup")
        watch.scan_soon()
        await clock.settle()
        assert (log.ports(PeerJoined), backend.count("lookup")) == ([1, 2], before + 1)
        backend.peers.append(THREE)
        for _ in range(100):
            watch.scan_soon()
        await clock.advance(0.9)
        assert backend.count("lookup") == before + 1, "they begin a second apart"
        await clock.advance(0.1)
        assert (log.ports(PeerJoined), backend.count("lookup")) == ([1, 2, 3], before + 2)
        await clock.advance(2)
        assert backend.count("lookup") == before + 2, "one scan is enough for all who asked"
    with pytest.raises(NotRunning):
        watch.scan_soon()


async def test_one_bad_scan_drops_nobody(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(peers=[ONE, TWO])
    bitboot = await serve(backend)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.advance(DAY)
        backend.peers, before = [], backend.count("lookup")
        while backend.count("lookup") < before + MISSES - 1:
            await clock.advance(10)
        backend.peers = [ONE, TWO]
        await clock.advance(DAY)
        assert log.ports(PeerJoined) == [1, 2]
        assert log.ports(PeerLeft) == []


async def test_who_has_gone_is_missed_often_and_long_and_then_has_left(
    serve: Any, clock: ManualClock
) -> None:
    backend = FakeBackend(peers=[ONE, TWO])
    bitboot = await serve(backend)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.advance(6 * HOUR)
        backend.peers.remove(ONE)
        gone, before = clock.now(), backend.count("lookup")
        await clock.advance(GONE_AFTER - 10)
        assert log.ports(PeerLeft) == []
        await clock.advance(3600)
        assert log.ports(PeerLeft) == [1]
        when, event = log.events[-1]
        assert GONE_AFTER <= when - gone <= 1800
        assert event.peer.sources == ("fake",)
        assert backend.count("lookup") - before >= MISSES
        assert watch.peers == [Peer(TWO.host, 2)]
        backend.peers.append(ONE)
        await clock.advance(360)
        assert log.ports(PeerJoined) == [1, 2, 1]


async def test_many_misses_in_a_short_time_are_not_enough(
    serve: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitboot_core.aio.timing.scan_after", lambda previous, changed, doubtful: 1.0)
    backend = FakeBackend(peers=[ONE])
    bitboot = await serve(backend)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.settle()
        backend.peers.clear()
        await clock.advance(GONE_AFTER - 5)
        assert backend.count("lookup") > 10 * MISSES
        assert log.ports(PeerLeft) == []
        await clock.advance(10)
        assert log.ports(PeerLeft) == [1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
async def test_a_lookup_that_misses_30_percent_drops_nobody_in_days(
    serve: Any, clock: ManualClock, seed: int
) -> None:
    peers = [KnownHost("192.0.2.7", port) for port in range(1, 31)]
    backend = Lossy(list(peers), 0.3, seed)
    bitboot = await serve(backend)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.advance(2 * DAY)
        assert sorted(log.ports(PeerJoined)) == list(range(1, 31))
        assert log.ports(PeerLeft) == []
        assert len(watch.peers) == 30
        # And who does leave is noticed all the same.
        backend.peers.remove(peers[4])
        await clock.advance(3600)
        assert log.ports(PeerLeft) == [5]


async def test_scans_are_quick_at_first_slow_when_it_is_quiet_and_quick_at_a_change(
    serve: Any, clock: ManualClock
) -> None:
    backend = FakeBackend(peers=[ONE])
    bitboot = await serve(backend)

    async def scans_in(seconds: float) -> int:
        before = backend.count("lookup")
        await clock.advance(seconds)
        return backend.count("lookup") - before

    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        assert await scans_in(60) >= 5
        await clock.advance(DAY)
        assert 8 <= await scans_in(3600) <= 16
        backend.peers.append(TWO)
        while log.ports(PeerJoined) == [1]:
            await clock.advance(1)
        assert await scans_in(60) >= 4
        await clock.advance(3600)
        backend.peers.remove(TWO)
        await clock.advance(360)
        assert await scans_in(240) >= 4  # it is missed, so they look more often
        await clock.advance(DAY)
        assert 8 <= await scans_in(3600) <= 16


async def test_after_the_machine_has_slept_scans_are_quick_again(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(peers=[ONE])
    bitboot = await serve(backend)
    async with bitboot.watch("swarm"):
        await clock.advance(DAY)
        before = backend.count("lookup")
        await clock.suspend(3 * 3600)
        assert backend.count("lookup") == before + 1
        await clock.advance(60)
        assert backend.count("lookup") >= before + 4


async def test_a_scan_that_fails_is_told_and_is_no_miss(serve: Any, clock: ManualClock) -> None:
    error = BackendError("the network is down")
    backend = FakeBackend(peers=[ONE])
    bitboot = await serve(backend)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.settle()
        assert dict(watch.failures) == {}
        scans = watch.scans["fake"]
        scanned = asyncio.ensure_future(watch.scanned())
        backend.peers, backend.acts["lookup"] = [], fails(error)
        await clock.advance(10)
        assert scanned.done()
        assert dict(watch.failures) == {"fake": error}
        assert watch.failures["fake-backend"] is error
        await clock.advance(6 * HOUR)
        assert watch.scans["fake"] > scans + 400
        assert log.ports(PeerLeft) == []
        assert watch.peers == [Peer(ONE.host, 1)]
        del backend.acts["lookup"]
        await clock.advance(60)  # that it is back is noticed soon
        assert dict(watch.failures) == {}
        await clock.advance(3600)
        assert log.ports(PeerLeft) == [1]


@pytest.mark.once
async def test_a_network_that_falls_silent_keeps_its_peers(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(peers=[ONE, TWO])
    bitboot = await serve(backend)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.advance(HOUR)
        backend.peers, backend.acts["lookup"] = [], fails(BackendTimeout("none of the nodes asked answered"))
        await clock.advance(2 * DAY)
        assert log.ports(PeerLeft) == []
        assert len(watch.peers) == 2
        assert isinstance(watch.failures["fake"], BackendTimeout)
        backend.peers = [ONE]
        del backend.acts["lookup"]
        await clock.advance(HOUR)
        assert log.ports(PeerLeft) == [2]


async def test_a_peer_that_has_a_new_id_is_shown_with_it(serve: Any, clock: ManualClock) -> None:
    old, new = (KnownHost(ONE.host, ONE.port, peer_id) for peer_id in ("old", "new"))
    backend = FakeBackend(peers=[old])
    bitboot = await serve(backend)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.settle()
        assert log.events[0][1].peer.peer_id == "old"
        backend.peers = [old, new]  # the newer one comes later in the same scan
        await clock.advance(HOUR)
        assert [peer.peer_id for peer in watch.peers] == ["new"]
        backend.peers = []
        await clock.advance(HOUR)
        assert log.events[-1][1] == PeerLeft("swarm", Peer(ONE.host, 1))
        assert log.events[-1][1].peer.peer_id == "new"
        backend.peers = [ONE]  # somebody else at the same endpoint, who has none
        await clock.advance(HOUR)
        assert [peer.peer_id for peer in watch.peers] == [None]


async def test_a_scan_that_is_cut_short_is_no_miss_either(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(peers=[ONE, TWO])
    bitboot = await serve(backend)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.settle()
        backend.peers, backend.acts["lookup"] = [ONE], hangs()
        await clock.advance(6 * HOUR)
        assert "did" in str(watch.failures["fake"]) or "finished" in str(watch.failures["fake"])
        assert log.ports(PeerLeft) == []


async def test_a_peer_on_two_networks_joins_once_and_leaves_when_it_is_gone_from_both(
    serve: Any, clock: ManualClock
) -> None:
    fake, other = FakeBackend(peers=[ONE]), FakeBackend(peers=[ONE])
    bitboot = await serve(fake, other)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.settle()
        assert log.ports(PeerJoined) == [1]
        assert watch.peers[0].sources == ("fake", "other")
        fake.peers.clear()
        await clock.advance(6 * HOUR)
        assert log.ports(PeerLeft) == []
        assert watch.peers[0].sources == ("other",)
        other.peers.clear()
        await clock.advance(3600)
        assert log.ports(PeerLeft) == [1]


async def test_a_network_that_hangs_delays_nobody(serve: Any, clock: ManualClock) -> None:
    good = FakeBackend(peers=[ONE])
    bitboot = await serve(FakeBackend(lookup=hangs()), good)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.settle()
        assert log.ports(PeerJoined) == [1]
        assert watch.failures == {}
        good.peers.append(TWO)
        await clock.advance(7)
        assert log.ports(PeerJoined) == [1, 2]
        await clock.advance(20)
        assert list(watch.failures) == ["fake"]


async def test_a_network_that_is_silent_for_long_has_no_say(serve: Any, clock: ManualClock) -> None:
    fake, other = FakeBackend(peers=[ONE, TWO]), FakeBackend(peers=[ONE])
    bitboot = await serve(fake, other)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.settle()
        fake.peers, fake.acts["lookup"] = [], fails(OSError("down"))
        other.peers.clear()
        await clock.advance(SILENT_AFTER - 60)
        assert log.ports(PeerLeft) == []  # the silent one may still know it
        await clock.advance(600)
        assert log.ports(PeerLeft) == [1]
        await clock.advance(6 * HOUR)
        assert log.ports(PeerLeft) == [1]  # of the other peer nobody else can tell


async def test_one_whose_scans_never_ended_well_is_silent_from_the_beginning(
    serve: Any, clock: ManualClock
) -> None:
    class BreaksOff(FakeBackend):
        async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
            for peer in self.peers:
                yield peer
            raise BackendError("the rest is missing")

    fake, other = BreaksOff(peers=[ONE]), FakeBackend(peers=[ONE])
    bitboot = await serve(fake, other)
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.settle()
        fake.peers.clear()
        other.peers.clear()
        await clock.advance(SILENT_AFTER - 60)
        assert log.ports(PeerLeft) == []
        await clock.advance(600)
        assert log.ports(PeerLeft) == [1]


async def test_networks_come_and_go_without_anybody_leaving(
    serve: Any, registry: Registry, clock: ManualClock
) -> None:
    bitboot = await serve(FakeBackend(peers=[ONE, TWO]))
    registry.register_backend(spec_of(FakeBackend(peers=[ONE]), "new-backend", ["new"]))
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        await clock.settle()
        await bitboot.switch_network(NetworkDefinition("new", "new"))
        await clock.advance(300)
        assert log.ports(PeerJoined) == [1, 2]
        assert log.ports(PeerLeft) == []
        assert {peer.port: peer.sources for peer in watch.peers} == {1: ("new",), 2: ("fake",)}
        await clock.advance(3600)
        assert log.ports(PeerLeft) == [2]  # the new network was asked often enough
        assert list(watch.scans) == ["new"]


async def test_a_reader_that_is_slow_holds_up_the_scans_and_nothing_grows(
    serve: Any, clock: ManualClock
) -> None:
    backend = FakeBackend(peers=[KnownHost("192.0.2.7", port) for port in range(1, 5001)])
    bitboot = await serve(backend)
    async with bitboot.watch("swarm", timeout=1e6) as watch:
        await clock.advance(3600)
        assert backend.count("lookup") == 0  # the stream has not come to its end
        assert len(watch.peers) == MAX_EVENTS
        found = [(await anext(watch)).peer.port for _ in range(5000)]
        assert sorted(found) == list(range(1, 5001))


async def test_a_swarm_without_end_is_cut_off(
    serve: Any, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sights, "MAX_PEERS", 10)
    backend = FakeBackend(peers=[KnownHost("192.0.2.7", port) for port in range(1, 21)])
    bitboot = await serve(backend)
    async with bitboot.watch("swarm") as watch:
        await clock.advance(60)
        assert len(watch.peers) == 10
        assert "more than 10 peers" in str(watch.failures["fake"])


async def test_what_cannot_be_watched(serve: Any) -> None:
    bitboot = await serve(FakeBackend())
    for name in ("", None, b"swarm"):
        with pytest.raises(InvalidSwarmName):
            bitboot.watch(name)
    with pytest.raises(InvalidConfig):
        bitboot.watch("swarm", timeout=0)
    watch = bitboot.watch("swarm")
    for use in (anext(watch), watch.scanned()):
        with pytest.raises(NotRunning, match="async with"):
            await use
    async with watch:
        with pytest.raises(NotRunning, match="once"):
            watch.open()


async def test_closing_it_ends_the_reading_and_leaves_nothing(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(peers=[ONE], lookup=hangs())
    bitboot = await serve(backend)
    await clock.settle()
    tasks = asyncio.all_tasks()
    async with bitboot.watch("swarm") as watch:
        log = Log(watch, clock)
        scanned = asyncio.ensure_future(watch.scanned())
        await clock.settle()
    await asyncio.wait_for(log.task, 5)
    await scanned
    await watch.aclose()
    assert backend.open_streams == 0
    assert asyncio.all_tasks() == tasks


async def test_closing_bitboot_closes_it(serve: Any, clock: ManualClock) -> None:
    bitboot: BitBoot = await serve(FakeBackend(peers=[ONE]))
    watch = await bitboot.watch("swarm").__aenter__()
    log = Log(watch, clock)
    await clock.settle()
    await bitboot.aclose()
    await asyncio.wait_for(log.task, 5)
    assert isinstance(watch, Watch)


# join


async def test_joining_announces_and_watches(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(peers=[ONE])
    bitboot = await serve(backend)
    async with bitboot.join("swarm", port=6881) as swarm:
        log = Log(swarm, clock)
        await swarm.announced()
        await clock.settle()
        assert log.ports(PeerJoined) == [1]
        assert swarm.peers == [Peer(ONE.host, 1)]
        assert swarm.status["fake"].stored_on == 1
        assert dict(swarm.failures) == {}
        assert swarm.announcement.endpoint == KnownHost("", 6881)
    await log.task
    assert backend.count("announce") == backend.count("withdraw") == 1
    await swarm.aclose()


async def test_joining_what_cannot_be(serve: Any) -> None:
    bitboot = await serve(FakeBackend())
    with pytest.raises(InvalidSwarmName):
        bitboot.join("", port=6881)
    swarm = bitboot.join("swarm", port=6881)
    await swarm.watch.aclose()
    with pytest.raises(NotRunning):
        await swarm.__aenter__()
    with pytest.raises(NotRunning):
        await swarm.announced()


async def test_two_who_join_find_each_other() -> None:
    """With a real backend, on the machine's own clock."""
    async with (
        BitBoot(network="local") as one,
        BitBoot(network="local") as other,
        one.join("meeting", port=1) as first,
    ):
        await first.announced()
        async with other.join("meeting", port=2) as second:
            async for event in second:
                if event.peer.port == 1:
                    return
    raise AssertionError("they did not meet")
