"""Programs that run for long: networks that go and come back, addresses that change, a day of all that."""

import asyncio
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from bitboot_core import (
    AnnounceFailed,
    BackendError,
    BootstrapFailed,
    KnownHost,
    PeerJoined,
    PeerLeft,
    Receipt,
)
from bitboot_core.testing import FakeBackend, ManualClock, answers, fails, hangs

SEED = KnownHost("192.0.2.1", 6881)
PEER = KnownHost("192.0.2.7", 6881)
HOUR, DAY = 3600.0, 86_400.0


class Weather:
    """A backend's network, which can be up or down."""

    def __init__(self, clock: ManualClock, **fields: Any) -> None:
        self.clock = clock
        self.up = True
        self.stored: list[float] = []
        self.backend = FakeBackend(
            announce=self._announce, bootstrap=self._bootstrap, lookup=self._look, **fields
        )

    async def _announce(self) -> Receipt:
        if not self.up:
            raise AnnounceFailed("nobody answers")
        self.stored.append(self.clock.now())
        return Receipt(8, 1800.0)

    async def _bootstrap(self) -> int:
        if not self.up:
            raise BootstrapFailed("nobody answers")
        return 1

    async def _look(self) -> None:
        if not self.up:
            raise BackendError("nobody answers")


async def test_a_network_that_comes_back_gets_it_within_a_minute(serve: Any, clock: ManualClock) -> None:
    for seed in range(10):
        weather = Weather(clock)
        bitboot = serve.make(weather.backend, bootstrap=[SEED], random=random.Random(seed))
        async with bitboot, bitboot.announce("swarm", PEER) as announcement:
            await announcement.announced()
            weather.up = False
            await clock.advance(3 * HOUR + 100 * seed)
            assert announcement.status["fake"].stored_on == 0
            weather.up = True
            await clock.advance(60)
            assert announcement.status["fake"].stored_on == 8
        serve.forget()


async def test_what_has_not_lapsed_is_announced_again_when_a_network_comes_back(
    serve: Any, clock: ManualClock
) -> None:
    """Its nodes may have begun anew, with nothing in store."""
    weather = Weather(clock)
    bitboot = await serve(weather.backend, bootstrap=[SEED])
    async with bitboot.announce("swarm", PEER) as announcement:
        await announcement.announced()
        once = len(weather.stored)
        weather.up = False
        await clock.advance(120)
        assert announcement.status["fake"].stored_on == 8
        weather.up = True
        await clock.advance(60)
        assert len(weather.stored) == 2 * once


async def test_a_lookup_that_gets_through_again_tells_that_a_network_is_back(
    serve: Any, clock: ManualClock
) -> None:
    """Where there is nobody to bootstrap from, it is the lookups that notice."""
    weather = Weather(clock)
    bitboot = await serve(weather.backend)
    async with bitboot.join("swarm", PEER) as swarm:
        await swarm.announced()
        weather.up = False
        await clock.advance(3 * HOUR)
        assert swarm.status["fake"].stored_on == 0
        assert list(swarm.failures) == ["fake"]
        weather.up = True
        await clock.advance(60)
        assert swarm.status["fake"].stored_on == 8
        assert dict(swarm.failures) == {}


async def test_a_network_that_refuses_is_not_pestered(serve: Any, clock: ManualClock) -> None:
    """Nothing came back: it was there all the time, and the backoff is kept."""
    backend = FakeBackend(announce=fails(AnnounceFailed("full")), known=[SEED])
    bitboot = await serve(backend, bootstrap=[SEED])
    async with bitboot.join("swarm", PEER):
        await clock.advance(HOUR)
        before = backend.count("announce")
        await clock.advance(6 * HOUR)
        assert backend.count("announce") - before <= 6 * HOUR / 60


async def test_what_failed_for_a_while_is_tried_again_several_times_before_it_lapses(
    serve: Any, clock: ManualClock
) -> None:
    """Outages that are over before the record lapses: it never does."""
    for seed in range(10):
        weather = Weather(clock)
        bitboot = serve.make(weather.backend, random=random.Random(seed))
        async with bitboot, bitboot.announce("swarm", PEER) as announcement:
            await announcement.announced()
            for _ in range(10):
                renewal = announcement.status["fake"].next_try or 0.0
                await clock.advance(renewal - 1)
                weather.up = False
                left = announcement.status["fake"].expires_in or 0.0
                await clock.advance(left - 45)
                weather.up = True
                await clock.advance(44)
                assert (announcement.status["fake"].expires_in or 0.0) > 1000
        serve.forget()


# A changed address


class Roaming(FakeBackend):
    """Seen at an address that changes."""

    host = KnownHost("0.0.0.0", 6881)
    others_see: tuple[str, ...] = ()

    @property
    def address(self) -> KnownHost:
        return self.host

    @property
    def seen_at(self) -> tuple[str, ...]:
        return self.others_see


async def test_a_changed_address_is_announced_within_a_minute(serve: Any, clock: ManualClock) -> None:
    backend = Roaming()
    bitboot = await serve(backend)
    async with bitboot.announce("mine", port=6881), bitboot.announce("fixed", PEER):
        await clock.advance(60)
        assert backend.count("announce") == 2
        backend.others_see = ("198.51.100.1",)
        await clock.advance(120)
        assert backend.count("announce") == 2  # it was learnt, it did not change
        backend.others_see = ("198.51.100.2",)
        await clock.advance(60)
        assert backend.count("announce") == 3
        backend.host = KnownHost("0.0.0.0", 7000)
        await clock.advance(60)
        assert backend.count("announce") == 4
        backend.others_see = ("198.51.100.2", "2001:db8::1")
        await clock.advance(120)
        assert backend.count("announce") == 4


async def test_a_backend_that_says_that_it_has_moved_is_announced_at_once(
    serve: Any, clock: ManualClock
) -> None:
    class Telling(Roaming):
        def on_moved(self, handler: Callable[[], None]) -> None:
            self.moved = handler

    backend = Telling()
    backend.others_see = ("198.51.100.1",)
    bitboot = await serve(backend)
    async with bitboot.announce("mine", port=6881), bitboot.announce("fixed", PEER):
        await clock.advance(70)
        assert backend.count("announce") == 2
        backend.others_see = ("198.51.100.2",)
        backend.moved()
        await clock.advance(0)
        assert backend.count("announce") == 3
        backend.moved()
        await clock.advance(0)
        assert backend.count("announce") == 3, "nothing has changed since"
        await clock.advance(120)
        assert backend.count("announce") == 3, "and the next look finds nothing new"


async def test_a_network_that_has_grown_is_announced_to_within_a_minute(
    serve: Any, clock: ManualClock
) -> None:
    """While a network comes together, those who are closest to a key are others every minute."""
    contacts = [KnownHost("192.0.2.1", port) for port in range(6000, 6020)]
    backend = FakeBackend(known=contacts[:8])
    bitboot = await serve(backend)
    async with bitboot.announce("mine", PEER):
        await clock.advance(120)
        assert backend.count("announce") == 1
        backend.known = contacts[:10]
        await clock.advance(120)
        assert backend.count("announce") == 1  # a quarter more is not enough
        backend.known = contacts[:11]
        await clock.advance(60)
        assert backend.count("announce") == 2
        backend.known = contacts[:3]
        await clock.advance(120)
        backend.known = contacts[:13]
        await clock.advance(120)
        assert backend.count("announce") == 2  # some were away, and are back
        backend.known = contacts
        await clock.advance(60)
        assert backend.count("announce") == 3


async def test_a_network_of_which_many_nodes_are_known_is_announced_to_once_a_minute_as_it_grows(
    serve: Any, clock: ManualClock
) -> None:
    """Whoever is asked by many comes to know more nodes every few seconds."""
    contacts = [KnownHost("192.0.2.1", port) for port in range(6000, 6200)]
    backend = FakeBackend(known=contacts[:40])
    bitboot = await serve(backend)
    async with bitboot.announce("mine", PEER):
        await clock.advance(0.1)
        for known in (60, 100, 150):
            backend.known = contacts[:known]
            await clock.advance(19)
        assert backend.count("announce") == 1
        await clock.advance(3)
        assert backend.count("announce") == 2  # with no further news
        await clock.advance(300)
        assert backend.count("announce") == 2


@pytest.mark.parametrize("found", [[], [SEED]])
async def test_a_lookup_that_runs_out_of_time_is_no_outage_where_it_has_found_somebody(
    serve: Any, clock: ManualClock, found: list[KnownHost]
) -> None:
    backend = FakeBackend(peers=found, lookup=hangs())
    bitboot = await serve(backend)
    async with bitboot.announce("mine", PEER):
        async with bitboot.find("other", timeout=3) as lookup:
            await clock.advance(3.1)
            assert "had not finished" in str(lookup.failures["fake"])
        del backend.acts["lookup"]
        await bitboot.lookup("other")
        await clock.advance(60)
        # Where nobody was found it may have been an outage, which is over now.
        assert backend.count("announce") == (1 if found else 2)


async def test_a_backend_that_cannot_tell_where_it_is_announces_as_ever(
    serve: Any, clock: ManualClock
) -> None:
    class Lost(FakeBackend):
        @property
        def seen_at(self) -> Any:
            raise OSError("lost")

    backend = Lost()
    bitboot = await serve(backend)
    async with bitboot.announce("mine", port=6881):
        await clock.advance(HOUR)
        assert 2 <= backend.count("announce") <= 4


# Sleep


async def test_after_three_hours_of_sleep_everything_is_renewed_at_once(
    serve: Any, clock: ManualClock
) -> None:
    weathers = [Weather(clock) for _ in range(3)]
    bitboot = await serve(*(weather.backend for weather in weathers), bootstrap=[SEED])
    async with bitboot.announce(["one", "two"], PEER) as announcement:
        await announcement.announced()
        await clock.settle()
        await clock.suspend(3 * HOUR)
        assert [len(weather.stored) for weather in weathers] == [4, 4, 4]
        assert all(status.stored_on == 8 for status in announcement.status.values())


async def test_programs_started_together_do_not_renew_together(serve: Any, clock: ManualClock) -> None:
    weather = Weather(clock)
    bitboot = await serve(weather.backend)
    async with bitboot.announce([f"swarm {number}" for number in range(200)], PEER) as announcement:
        await announcement.announced()
        first = len(weather.stored)
        await clock.advance(1620)
    renewed = [when - 1000.0 for when in weather.stored[first : first + 200]]
    assert first == 200
    # Spread over the whole of 0.75 to 0.9 of the lifetime: no tenth of that span is empty or crowded.
    tenths = [sum(1350 + 27 * n <= when < 1377 + 27 * n for when in renewed) for n in range(10)]
    assert sum(tenths) >= 198
    assert all(5 <= tenth <= 40 for tenth in tenths)


# A day


@pytest.mark.slow
async def test_a_day_in_a_swarm_on_three_networks_one_dead_and_one_flapping(
    serve: Any, clock: ManualClock
) -> None:
    good, dead, flapping = (Weather(clock, peers=[PEER]) for _ in range(3))
    dead.up = False
    dead.backend.peers.clear()
    chance = random.Random(7)
    lapses: list[tuple[str, float]] = []
    events: list[Any] = []

    await asyncio.sleep(0)
    before = asyncio.all_tasks()
    bitboot = serve.make(good.backend, dead.backend, flapping.backend, bootstrap=[SEED])
    async with bitboot, bitboot.join("swarm", port=6881) as swarm:
        reading = asyncio.ensure_future(read(swarm, events))
        await swarm.announced()
        await clock.settle()
        end = clock.now() + DAY
        while clock.now() < end:
            flapping.up = True
            await clock.advance(chance.uniform(60, 1200))
            check(swarm, lapses, clock)
            flapping.up = False
            for _ in range(4):  # down for two minutes at most, as a router that starts anew
                await clock.advance(chance.uniform(1, 30))
                check(swarm, lapses, clock)
        assert lapses == []
        status = swarm.status
        assert isinstance(status["other"].last_error, BootstrapFailed)
        assert status["other"].stored_on == 0
        assert "other" in swarm.failures
        assert not bitboot.networks()["other"].ready
        assert [type(event) for event in events] == [PeerJoined]
        assert swarm.peers[0].endpoint == PEER
    await reading
    await clock.settle()
    assert asyncio.all_tasks() == before
    assert all(weather.backend.open_streams == 0 for weather in (good, dead, flapping))
    for weather in (good, flapping):  # renewed in time, and not more often than need be
        assert DAY / 1620 - 1 <= len(weather.stored) <= DAY / 600
        assert weather.backend.count("withdraw") == 1
    assert gaps(good.stored) <= 0.9 * 1800
    assert gaps(flapping.stored) < 1800


async def read(swarm: Any, events: list[Any]) -> None:
    async for event in swarm:
        events.append(event)


def check(swarm: Any, lapses: list[tuple[str, float]], clock: ManualClock) -> None:
    lapses += [(name, clock.now()) for name in ("fake", "third") if swarm.status[name].stored_on == 0]


def gaps(times: list[float]) -> float:
    return max(after - before for before, after in pairwise(times))


async def test_a_peer_that_dies_in_that_day_is_told_of(serve: Any, clock: ManualClock) -> None:
    good, dead = Weather(clock, peers=[PEER]), FakeBackend(bootstrap=answers(0), lookup=hangs())
    bitboot = await serve(good.backend, dead, bootstrap=[SEED])
    events: list[Any] = []
    async with bitboot.join("swarm", port=6881) as swarm:
        reading = asyncio.ensure_future(read(swarm, events))
        await clock.advance(HOUR)
        good.backend.peers.clear()
        await clock.advance(HOUR)
    await reading
    assert [type(event) for event in events] == [PeerJoined, PeerLeft]
