"""Lookups merge, remove duplicates, collect failures, end in time, and clean up."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from bitboot_core import (
    AllBackendsFailed,
    BackendError,
    BackendTimeout,
    BitBootError,
    BootstrapFailed,
    InvalidConfig,
    InvalidEndpoint,
    KnownHost,
    NotRunning,
    Peer,
    UnknownNetwork,
    UsageError,
    swarm_key,
)
from bitboot_core._swarms.lookup import AT_ONCE, BUFFER
from bitboot_core.testing import FakeBackend, ManualClock, answers, fails, hangs, hangs_until

SEED = KnownHost("192.0.2.1", 6881)


def hosts(count: int, first: int = 1) -> list[KnownHost]:
    return [KnownHost("192.0.2.7", port) for port in range(first, first + count)]


def peers(count: int) -> list[Peer]:
    return [Peer(host.host, host.port) for host in hosts(count)]


async def test_the_peers_of_a_swarm(serve: Any) -> None:
    backend = FakeBackend(peers=hosts(3))
    bitboot = await serve(backend)
    assert await bitboot.lookup("swarm") == peers(3)
    assert backend.calls[-1] == ("lookup", swarm_key("swarm"))


async def test_a_swarm_with_nobody_in_it_is_no_error(serve: Any) -> None:
    bitboot = await serve(FakeBackend())
    assert await bitboot.lookup("swarm") == []


async def test_peers_come_as_they_arrive(serve: Any) -> None:
    more = asyncio.Event()
    backend = FakeBackend(peers=hosts(2), lookup=more.wait)
    bitboot = await serve(backend)
    async with bitboot.find("swarm") as found:
        assert [await anext(found), await anext(found)] == peers(2)
        assert found.peers == peers(2)
        more.set()
        with pytest.raises(StopAsyncIteration):
            await anext(found)
        with pytest.raises(StopAsyncIteration):
            await anext(found)


async def test_an_endpoint_comes_once(serve: Any) -> None:
    bitboot = await serve(FakeBackend(peers=[*hosts(3), *hosts(3)]), FakeBackend(peers=hosts(4)))
    async with bitboot.find("swarm") as found:
        assert sorted([peer async for peer in found]) == peers(4)


async def test_sources_say_who_told_of_a_peer(serve: Any) -> None:
    bitboot = await serve(FakeBackend(peers=hosts(2)), FakeBackend(peers=hosts(2, first=2)))
    assert {peer.port: set(peer.sources) for peer in await bitboot.lookup("swarm")} == {
        1: {"fake"},
        2: {"fake", "other"},
        3: {"other"},
    }


async def test_a_source_that_comes_later_is_in_the_collection(serve: Any) -> None:
    later = asyncio.Event()

    class Late(FakeBackend):
        async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
            await later.wait()
            yield hosts(1)[0]

    bitboot = await serve(FakeBackend(peers=hosts(1)), Late())
    async with bitboot.find("swarm") as found:
        first = await anext(found)
        assert first.sources == ("fake",)
        later.set()
        assert [peer.sources async for peer in found] == []
        assert [peer.sources for peer in found.peers] == [("fake", "other")]


async def test_several_swarms_are_looked_up_as_one(serve: Any) -> None:
    class Two(FakeBackend):
        async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
            for host in hosts(2) if key == swarm_key("a") else hosts(2, first=2):
                yield host

    bitboot = await serve(Two())
    assert sorted(await bitboot.lookup(["a", "b", "a"])) == peers(3)


async def test_only_so_many_swarms_are_looked_up_at_once(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(lookup=hangs())
    bitboot = await serve(backend)
    async with bitboot.find([f"swarm {number}" for number in range(100)]):
        await clock.settle()
        assert backend.open_streams == AT_ONCE


# What a backend yields is untrusted


@pytest.mark.parametrize(
    "nonsense",
    [
        KnownHost("192.0.2.7", 0),
        KnownHost("0.0.0.0", 1),
        KnownHost("::", 1),
        KnownHost("", 1),
        None,
        "192.0.2.7:1",
        ("192.0.2.7", 1),
        Peer("192.0.2.7", 1),
        [],
        {},
    ],
    ids=repr,
)
async def test_what_is_no_peer_is_left_out(serve: Any, nonsense: object) -> None:
    bitboot = await serve(FakeBackend(peers=[nonsense, *hosts(1), nonsense]))
    async with bitboot.find("swarm") as found:
        assert await found.collect() == peers(1)
        assert dict(found.failures) == {}


@pytest.mark.once
async def test_a_network_that_invents_peers_is_cut_off(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitboot_core._swarms.lookup.MAX_PEERS", 5000)
    backend = FakeBackend(peers=hosts(60_000))
    bitboot = await serve(backend)
    async with bitboot.find("swarm") as found:
        assert len(await found.collect()) == 5000
        assert "more than 5000 peers" in str(found.failures["fake"])
        assert backend.open_streams == 0


async def test_a_stream_without_end_or_news_holds_up_nobody(serve: Any, clock: ManualClock) -> None:
    class Parrot(FakeBackend):
        async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
            while True:
                yield hosts(1)[0]

    bitboot = await serve(Parrot(), timeout=5)
    looking = asyncio.ensure_future(bitboot.lookup("swarm"))
    await clock.advance(5)
    assert await looking == peers(1)


async def test_a_fast_stream_waits_for_a_slow_reader(serve: Any, clock: ManualClock) -> None:
    yielded = 0

    class Fast(FakeBackend):
        async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
            nonlocal yielded
            for host in hosts(50_000):
                yielded += 1
                yield host

    bitboot = await serve(Fast())
    async with bitboot.find("swarm") as found:
        await anext(found)
        await clock.settle()
        assert yielded <= 2 * BUFFER
        assert len([peer async for peer in found]) == 49_999
        assert yielded == 50_000


# Failures


async def test_a_failure_after_peers_is_told_and_not_raised(serve: Any) -> None:
    mistake = KeyError("oops")
    bitboot = await serve(FakeBackend(peers=hosts(2), lookup=fails(mistake)))
    async with bitboot.find("swarm") as found:
        assert [peer async for peer in found] == peers(2)
        error = found.failures["fake"]
        assert isinstance(error, BackendError)
        assert error.__cause__ is mistake
        assert str(error) == "fake-backend failed to look up: KeyError: 'oops'"
        assert found.failures["fake-backend"] is error


@pytest.mark.parametrize("error", [BackendError("broken"), OSError("what"), asyncio.CancelledError()])
async def test_a_failure_without_peers_is_raised(serve: Any, error: BaseException) -> None:
    backend = FakeBackend(lookup=fails(error))
    bitboot = await serve(backend)
    with pytest.raises(BackendError):
        await bitboot.lookup("swarm")
    async with bitboot.find("swarm") as found:
        with pytest.raises(BackendError):
            await anext(found)
        with pytest.raises(StopAsyncIteration):
            await anext(found)
        assert "fake" in found.failures


async def test_a_backends_own_error_is_raised_as_it_is(serve: Any) -> None:
    error = BootstrapFailed("no way", hint="try later")
    bitboot = await serve(FakeBackend(lookup=fails(error)))
    with pytest.raises(BootstrapFailed) as caught:
        await bitboot.lookup("swarm")
    assert caught.value is error


async def test_one_that_fails_never_spoils_the_rest(serve: Any) -> None:
    bitboot = await serve(FakeBackend(lookup=fails(OSError("what"))), FakeBackend(peers=hosts(2)))
    async with bitboot.find("swarm") as found:
        assert await found.collect() == peers(2)
        assert list(found.failures) == ["fake"]


async def test_one_that_fails_is_no_error_where_the_other_found_nobody(serve: Any) -> None:
    bitboot = await serve(FakeBackend(lookup=fails(OSError("what"))), FakeBackend())
    assert await bitboot.lookup("swarm") == []


async def test_where_all_fail_each_ones_cause_is_told(serve: Any) -> None:
    bitboot = await serve(
        FakeBackend(lookup=fails(OSError("a"))), FakeBackend(lookup=fails(BackendError("b")))
    )
    with pytest.raises(AllBackendsFailed, match="looking up swarm failed on every network") as caught:
        await bitboot.lookup("swarm")
    assert set(caught.value.causes) == {"fake", "other"}


@pytest.mark.parametrize(
    "error", [InvalidEndpoint("no host", hint="give one"), InvalidConfig("no"), UnknownNetwork("which?")]
)
async def test_a_usage_error_of_a_backend_is_its_own_failure(serve: Any, error: BitBootError) -> None:
    """Whoever looked up has made no mistake (and the command's exit status is 1, not 2)."""
    bitboot = await serve(FakeBackend(lookup=fails(error)))
    with pytest.raises(BackendError, match="fake-backend failed to look up: ") as caught:
        await bitboot.lookup("swarm")
    assert not isinstance(caught.value, UsageError)
    assert caught.value.hint == error.hint
    assert caught.value.__cause__ is error


async def test_a_network_that_answers_nothing_is_not_an_empty_swarm(serve: Any) -> None:
    error = BackendTimeout("none of the 8 nodes asked answered")
    bitboot = await serve(FakeBackend(lookup=fails(error)))
    with pytest.raises(BackendTimeout, match="none of the 8"):
        await bitboot.lookup("swarm")
    async with bitboot.find("swarm") as found:
        with suppress(BackendTimeout):
            await found.collect()
        assert dict(found.failures) == {"fake": error}


async def test_a_peers_newest_id_is_the_one_that_counts(serve: Any, clock: ManualClock) -> None:
    old, new = (KnownHost("192.0.2.7", 1, peer_id) for peer_id in ("old", "new"))
    bitboot = await serve(FakeBackend(peers=[old, new, KnownHost("192.0.2.7", 1)]))
    async with bitboot.find("swarm") as found:
        await clock.settle()
        assert (await anext(found)).peer_id == "new"
        assert [peer.peer_id for peer in await found.collect()] == ["new"]


def returns(value: object) -> Callable[[bytes], object]:
    return lambda key: value


async def a_list(key: bytes) -> list[KnownHost]:
    return hosts(1)


def a_raising_function(key: bytes) -> Awaitable[None]:
    raise ValueError("no")


class NotToBeClosed:
    """A stream whose end is worse than its beginning."""

    def __aiter__(self) -> AsyncIterator[KnownHost]:
        return self

    async def __anext__(self) -> KnownHost:
        raise StopAsyncIteration

    async def aclose(self) -> None:
        raise RuntimeError("stuck")


@pytest.mark.parametrize(
    "lookup", [a_list, a_raising_function, returns(None), returns([]), returns(NotToBeClosed())]
)
async def test_a_lookup_that_is_no_stream(serve: Any, monkeypatch: pytest.MonkeyPatch, lookup: Any) -> None:
    backend = FakeBackend()
    monkeypatch.setattr(backend, "lookup", lookup)
    bitboot = await serve(backend)
    async with bitboot.find("swarm") as found:
        with suppress(BackendError):
            await found.collect()
        assert "failed to look up" in str(found.failures["fake"])


# Time


async def test_it_ends_when_the_time_is_up(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(peers=hosts(2), lookup=hangs()), FakeBackend(peers=hosts(1)))
    async with bitboot.find("swarm", timeout=3) as found:
        collecting = asyncio.ensure_future(found.collect())
        await clock.advance(2.9)
        assert not collecting.done()
        await clock.advance(0.1)
        assert sorted(await collecting) == peers(2)
        assert isinstance(found.failures["fake"], BackendTimeout)
        assert "fake-backend had not finished after 3 s" in str(found.failures["fake"])
        assert list(found.failures) == ["fake"]


async def test_time_that_is_up_with_nothing_found_is_an_error(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(lookup=hangs()), timeout=7)
    looking = asyncio.ensure_future(bitboot.lookup("swarm"))
    await clock.advance(7)
    with pytest.raises(BackendTimeout, match="after 7 s"):
        await looking


async def test_a_backend_that_heeds_no_cancellation_does_not_hold_it_up(
    serve: Any, clock: ManualClock
) -> None:
    released = asyncio.Event()
    backend = FakeBackend(peers=hosts(1), lookup=hangs_until(released))
    bitboot = await serve(backend)
    looking = asyncio.ensure_future(bitboot.lookup("swarm", timeout=1))
    await clock.advance(1.1)
    assert looking.result() == peers(1)
    assert backend.open_streams == 1
    released.set()
    await bitboot.aclose()
    assert backend.open_streams == 0


async def test_a_stream_that_does_not_close_does_not_hold_it_up(serve: Any, clock: ManualClock) -> None:
    released = asyncio.Event()

    class Sticky(FakeBackend):
        async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
            try:
                yield hosts(1)[0]
                await asyncio.Event().wait()
            finally:
                await hangs_until(released)()

    bitboot = await serve(Sticky())
    looking = asyncio.ensure_future(bitboot.lookup("swarm", limit=1))
    await clock.advance(0.1)
    assert looking.result() == peers(1)
    released.set()


async def test_what_was_found_in_time_can_be_read_later(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(peers=hosts(5), lookup=hangs()))
    async with bitboot.find("swarm", timeout=1) as found:
        await clock.advance(2)
        assert [peer async for peer in found] == peers(5)


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "3"])
async def test_what_is_no_limit(serve: Any, limit: Any) -> None:
    bitboot = await serve(FakeBackend())
    with pytest.raises(InvalidConfig, match="limit="):
        bitboot.find("swarm", limit=limit)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "3", True])
async def test_what_is_no_time(serve: Any, seconds: Any) -> None:
    bitboot = await serve(FakeBackend())
    with pytest.raises(InvalidConfig, match="timeout="):
        await bitboot.lookup("swarm", timeout=seconds)


async def test_it_ends_at_the_limit(serve: Any) -> None:
    many, never = FakeBackend(peers=hosts(2000)), FakeBackend(lookup=hangs())
    bitboot = await serve(many, never)
    async with bitboot.find("swarm", limit=50) as found:
        assert [peer async for peer in found] == peers(50)
        assert found.peers == peers(50)
        assert dict(found.failures) == {}
    assert many.open_streams == never.open_streams == 0


async def test_a_limit_that_is_not_reached(serve: Any) -> None:
    bitboot = await serve(FakeBackend(peers=hosts(3)))
    assert await bitboot.lookup("swarm", limit=50) == peers(3)


# Its end


async def test_leaving_early_closes_the_streams(serve: Any) -> None:
    backends = [
        FakeBackend(peers=hosts(3), lookup=hangs()),
        FakeBackend(peers=hosts(3, first=7), lookup=hangs()),
    ]
    bitboot = await serve(*backends)
    async with bitboot.find("swarm") as found:
        async for _ in found:
            break
    assert [backend.open_streams for backend in backends] == [0, 0]
    assert len([peer async for peer in found]) <= 5  # what had been handed over already


async def test_a_cancelled_lookup_closes_the_streams(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(lookup=hangs())
    bitboot = await serve(backend)
    looking = asyncio.ensure_future(bitboot.lookup("swarm"))
    await clock.settle()
    assert backend.open_streams == 1
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert backend.open_streams == 0


async def test_nothing_is_left_behind(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(peers=hosts(3)), FakeBackend(lookup=fails(OSError("what"))))
    before = asyncio.all_tasks()
    timer = clock.next_timer
    await bitboot.lookup("swarm")
    await bitboot.lookup("swarm", limit=1)
    await clock.settle()
    assert asyncio.all_tasks() == before
    assert clock.next_timer == timer
    gc.collect()


async def test_closing_bitboot_ends_the_lookups(serve: Any, clock: ManualClock) -> None:
    backend = FakeBackend(peers=hosts(1), lookup=hangs())
    bitboot = await serve(backend)
    async with bitboot.find("swarm") as found:
        collecting = asyncio.ensure_future(found.collect())
        await clock.settle()
        await bitboot.aclose()
        assert await collecting == peers(1)
    assert backend.open_streams == 0


async def test_it_is_used_with_async_with(serve: Any) -> None:
    bitboot = await serve(FakeBackend(peers=hosts(1)))
    found = bitboot.find("swarm")
    with pytest.raises(NotRunning, match="async with"):
        await anext(found)
    async with found:
        assert await found.collect() == peers(1)
    with pytest.raises(NotRunning, match="opened once"):
        async with found:
            pass


async def test_while_it_waits_for_contact_the_time_runs(serve: Any, clock: ManualClock) -> None:
    bitboot = await serve(FakeBackend(bootstrap=answers(0)), bootstrap=[SEED])
    looking = asyncio.ensure_future(bitboot.lookup("swarm", timeout=2))
    await clock.advance(2)
    with pytest.raises(BootstrapFailed, match=r"192\.0\.2\.1:6881"):
        await looking
