"""Costs grow as the work does: what each of many takes is counted, and is no more with ten times as many.

In calls of functions, and in comparisons of futures, since times move with the machine.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from types import FrameType

import pytest

from bitboot_core import BitBoot, KnownHost, NetworkDefinition, Receipt, Registry
from bitboot_core.aio.clock import SystemClock
from bitboot_core.aio.tasks import Signal, Tasks
from bitboot_core.testing import FakeBackend, ManualClock, spec_of

pytestmark = pytest.mark.once

PEER = KnownHost("192.0.2.1", 6881)
FEW, MANY = 20, 200
MORE = 1.25
"""With MANY each may take so many times the calls that it takes with FEW."""


async def calls(work: Awaitable[object]) -> int:
    """How many functions are called while this is done, those of the event loop included."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        await work
    finally:
        sys.setprofile(None)
    return count


async def is_in_proportion(work: Callable[[int], Awaitable[int]]) -> None:
    """`work(n)` says how many calls it took to do something n times."""
    await work(FEW)  # what is cached is cached then
    few, many = await work(FEW) / FEW, await work(MANY) / MANY
    assert many <= MORE * few, f"{few:.0f} calls for each of {FEW}, {many:.0f} for each of {MANY}"


def bitboot(peers: int = 1, backend: FakeBackend | None = None) -> BitBoot:
    hosts = [KnownHost(f"10.1.{number >> 8}.{number & 255}", 6881) for number in range(peers)]
    registry = Registry(list)
    registry.register_backend(spec_of(backend or FakeBackend(peers=hosts), "fake", ["fake"]))
    return BitBoot(network=NetworkDefinition("fake", "fake"), state_dir=False, registry=registry)


def names(count: int) -> list[str]:
    return [f"swarm {number}" for number in range(count)]


async def announced(count: int) -> int:
    async with bitboot() as one, one.announce(names(count), PEER) as announcement:
        return await calls(announcement.announced())


async def announced_one_by_one(count: int) -> int:
    async def announce(one: BitBoot) -> None:
        for name in names(count):
            await one.announce_peer(name, PEER)

    async with bitboot() as one:
        return await calls(announce(one))


async def closed_one_by_one(count: int) -> int:
    async with bitboot() as one:
        announcements = [await one.announce_peer(name, PEER) for name in names(count)]

        async def close() -> None:
            for announcement in announcements:
                await announcement.aclose()

        return await calls(close())


class Name(str):
    """To compare two of them is a call."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)


async def shown(count: int) -> int:
    """As a live view does, each swarm on its own."""
    swarms = [Name(name) for name in names(count)]
    async with bitboot() as one, one.announce(swarms, PEER) as announcement:

        async def show() -> None:
            for name in swarms:
                assert announcement.status_of(name)["fake"].stored_on

        await announcement.announced()
        return await calls(show())


async def watched(count: int) -> int:
    async with bitboot() as one:
        watches = [one.watch(name) for name in names(count)]

        async def watch() -> None:
            for each in watches:
                each.open()
            for each in watches:
                await anext(each)

        return await calls(watch())


async def crowd_watched(count: int) -> int:
    async with bitboot(peers=count) as one, one.watch("swarm") as watch:

        async def read() -> None:
            for _ in range(count):
                await anext(watch)

        return await calls(read())


async def looked_up(count: int) -> int:
    async with bitboot() as one:
        return await calls(asyncio.gather(*map(one.lookup, names(count))))


@pytest.mark.parametrize(
    "work",
    [announced, announced_one_by_one, closed_one_by_one, shown, watched, crowd_watched, looked_up],
    ids=lambda work: str(work.__name__),
)
async def test_each_of_many_takes_what_each_of_few_takes(work: Callable[[int], Awaitable[int]]) -> None:
    await is_in_proportion(work)


async def test_contacts_are_not_counted_at_each_of_many_announcements() -> None:
    backend, counts = FakeBackend(), 0
    contacts = backend.contacts

    def counted() -> list[KnownHost]:
        nonlocal counts
        counts += 1
        return contacts()

    backend.contacts = counted  # type: ignore[method-assign]
    async with bitboot(backend=backend) as one, one.announce(names(MANY), PEER) as announcement:
        await announcement.announced()
    assert counts <= MANY / 10


# Of those who wait, any may give up


class Compared(asyncio.Future[None]):
    """A future that counts how often one is compared with another."""

    count = 0
    __hash__ = asyncio.Future.__hash__

    def __eq__(self, other: object) -> bool:
        Compared.count += 1
        return self is other


@pytest.fixture
async def compared(monkeypatch: pytest.MonkeyPatch) -> type[Compared]:
    """What futures are made of by the running event loop."""
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "create_future", lambda: Compared(loop=loop))
    Compared.count = 0
    return Compared


async def test_who_gives_up_waiting_for_a_signal_is_not_searched_for(compared: type[Compared]) -> None:
    signal = Signal()
    waiting = [asyncio.ensure_future(signal.wait()) for _ in range(MANY)]
    await asyncio.sleep(0)
    for one in reversed(waiting):
        one.cancel()
        await asyncio.sleep(0)
    assert compared.count < MANY


async def test_tasks_that_end_together_are_not_searched_for(
    clock: ManualClock, compared: type[Compared]
) -> None:
    """A semaphore looks for who gives up from its first waiter on: so they give up in the order they came."""
    turns, tasks = asyncio.Semaphore(1), Tasks(clock)
    for _ in range(MANY):
        tasks.start(turns.acquire())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await tasks.cancel()
    assert len(tasks) == 0
    assert compared.count < MANY


async def test_an_announcement_of_many_swarms_ends_without_a_search(compared: type[Compared]) -> None:
    async def store() -> Receipt:
        await asyncio.Event().wait()
        raise AssertionError

    backend = FakeBackend()
    backend.acts["announce"] = store
    async with bitboot(backend=backend) as one:
        async with one.announce(names(MANY), PEER) as announcement:
            with pytest.raises(Exception, match="not announced within"):
                await announcement.announced(timeout=0.05)
        assert compared.count < 2 * MANY


# Timers


async def test_thousands_of_timers_take_one_of_the_event_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, set_at = asyncio.get_running_loop(), []
    call_later = loop.call_later

    def counted(delay: float, callback: Callable[..., object], *arguments: object) -> asyncio.TimerHandle:
        set_at.append(delay)
        return call_later(delay, callback, *arguments)

    monkeypatch.setattr(loop, "call_later", counted)
    clock = SystemClock(monotonic=lambda: 0.0, continuous=lambda: 0.0)
    timers = [clock.call_at(100.0 + number, lambda: None) for number in range(1000)]
    assert set_at == [clock.SLICE]
    for timer in timers:
        timer.cancel()
    assert len(set_at) == 1
