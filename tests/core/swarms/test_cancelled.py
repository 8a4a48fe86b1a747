"""Whoever is cancelled, and wherever: what is open is closed, and no task is left."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from bitboot_core import (
    Backend,
    BackendConfig,
    BackendSpec,
    BitBoot,
    BitBootError,
    KnownHost,
    ListenFailed,
    NetworkDefinition,
    Registry,
)
from bitboot_core.testing import FakeBackend, ManualClock, waits
from bitboot_core.testing.contract._steps import Steps

PEER = KnownHost("192.0.2.7", 6881)
NETWORKS = [NetworkDefinition(f"net{number}", "slow") for number in range(4)]
MOST_AWAITS = 60


class Slow(FakeBackend):
    """Takes its time for everything. Knows whether it is open, and what it stores."""

    def __init__(
        self, clock: ManualClock, chance: random.Random, stored: set[tuple[bytes, KnownHost]]
    ) -> None:
        super().__init__(peers=[PEER])
        self.clock, self.chance, self.stored = clock, chance, stored
        self.is_open = False

    async def wait(self) -> None:
        for _ in range(self.chance.randrange(3)):
            await asyncio.sleep(0)
        if self.chance.random() < 0.7:
            await waits(self.clock, self.chance.choice([0.01, 0.1, 0.3]))()

    async def start(self) -> None:
        self.is_open = True
        await self.wait()
        if self.chance.random() < 0.1:
            raise ListenFailed("taken")

    async def aclose(self) -> None:
        await self.wait()
        self.is_open = False

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float):  # type: ignore[no-untyped-def]
        self.stored.add((key, endpoint))
        await self.wait()
        return await super().announce(key, endpoint, lifetime=lifetime)

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        await self.wait()
        self.stored.discard((key, endpoint))

    async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        self.open_streams += 1
        try:
            await self.wait()
            yield PEER
            await self.wait()
        finally:
            self.open_streams -= 1


class Scene:
    """A BitBoot on slow networks, and whatever was made for it."""

    def __init__(self, seed: int) -> None:
        self.clock = ManualClock()
        self.chance = random.Random(seed)
        self.backends: list[Slow] = []
        registry = Registry(entry_points=list, environ={})
        registry.register_backend(BackendSpec("slow", ["slow"], self._make))
        self.bitboot = BitBoot(
            network=NETWORKS[:2],
            registry=registry,
            clock=self.clock,
            random=random.Random(seed),
            state_dir=False,
        )
        self.tasks = asyncio.all_tasks()

    def _make(self, config: BackendConfig) -> Backend:
        self.backends.append(Slow(self.clock, self.chance, set()))
        return self.backends[-1]

    async def live_through(self, work: Awaitable[object]) -> BaseException | None:
        """Let time pass until `work` has ended. What it raised."""
        task = asyncio.ensure_future(work)
        for _ in range(200):
            if task.done():
                return asyncio.CancelledError() if task.cancelled() else task.exception()
            await self.clock.advance(0.05)
        raise AssertionError(f"{work} has not ended after 10 s")

    async def end(self) -> None:
        """Close it: nothing may be left."""
        assert await self.live_through(self.bitboot.aclose()) is None
        await self.clock.settle()
        assert [backend for backend in self.backends if backend.is_open] == []
        assert [backend for backend in self.backends if backend.open_streams] == []
        assert [backend for backend in self.backends if backend.stored] == []
        assert asyncio.all_tasks() - self.tasks == set()
        assert self.clock.next_timer is None
        assert not self.bitboot._context.users
        assert not self.bitboot._context.endings


async def lookup_some(bitboot: BitBoot) -> None:
    async with bitboot.find("swarm", limit=1) as found:
        await anext(found)


async def watch_some(bitboot: BitBoot) -> None:
    async with bitboot.watch("swarm") as events:
        await anext(events)


async def announce_some(bitboot: BitBoot) -> None:
    async with bitboot.announce(["swarm", "other"], PEER) as announcement:
        await announcement.announced()


async def join_some(bitboot: BitBoot) -> None:
    async with bitboot.join("swarm", PEER) as swarm:
        await swarm.announced()
        await anext(swarm)


CALLS: dict[str, Callable[[BitBoot], Awaitable[object]]] = {
    "add": lambda bitboot: bitboot.add_network(NETWORKS[2]),
    "remove": lambda bitboot: bitboot.remove_network("net0"),
    "switch": lambda bitboot: bitboot.switch_network([NETWORKS[0], NETWORKS[3]]),
    "announce": announce_some,
    "announce_peer": lambda bitboot: bitboot.announce_peer("swarm", PEER),
    "lookup": lookup_some,
    "watch": watch_some,
    "join": join_some,
    "close": lambda bitboot: bitboot.aclose(),
}


@pytest.mark.parametrize("name", CALLS)
async def test_cancelled_at_every_await_it_leaves_nothing(name: str) -> None:
    for number in range(MOST_AWAITS):
        scene = Scene(seed=number)
        scene.chance = random.Random(0)  # but never a start that fails
        with suppress(BitBootError):
            error = await scene.live_through(scene.bitboot.__aenter__())
            if error is not None:
                raise error
            await scene.live_through(scene.bitboot.announce_peer("standing", PEER))
        steps = Steps(cancel_at=number)
        await scene.live_through(steps.count(CALLS[name](scene.bitboot)))
        await scene.end()
        if not steps.cancelled:
            assert number > 0
            return
    raise AssertionError(f"{name} has more than {MOST_AWAITS} awaits")


@pytest.mark.parametrize("first", range(0, 400, 50))
async def test_four_hundred_random_lives_leave_nothing(first: int) -> None:
    """Calls side by side, cancelled at random moments, some twice; then a close that is cancelled too."""
    for seed in range(first, first + 50):
        scene = Scene(seed)
        chance = random.Random(seed)
        entering = asyncio.ensure_future(scene.bitboot.__aenter__())
        if chance.random() < 0.2:
            await scene.clock.advance(chance.choice([0.0, 0.05, 0.2]))
            entering.cancel()
        error = await scene.live_through(asyncio.gather(entering, return_exceptions=True))
        assert error is None
        calls: list[asyncio.Future[object]] = []
        for _ in range(chance.randrange(2, 8)):
            name = chance.choice([*CALLS] if chance.random() < 0.1 else [*CALLS][:-1])
            calls.append(asyncio.ensure_future(_quietly(CALLS[name], scene.bitboot)))
            await _some_time(scene, chance)
            if chance.random() < 0.6:
                for _ in range(chance.randrange(1, 3)):
                    chance.choice(calls).cancel()
                    await _some_time(scene, chance)
        for call in calls:
            if chance.random() < 0.5:
                call.cancel()
        closing = asyncio.ensure_future(scene.bitboot.aclose())
        await asyncio.sleep(0)  # it has begun
        await _some_time(scene, chance)
        closing.cancel()
        await scene.live_through(asyncio.gather(closing, *calls, return_exceptions=True))
        await scene.end()


async def _quietly(call: Callable[[BitBoot], Awaitable[object]], bitboot: BitBoot) -> None:
    with suppress(BitBootError):
        await call(bitboot)


async def _some_time(scene: Scene, chance: random.Random) -> None:
    for _ in range(chance.randrange(4)):
        await asyncio.sleep(0)
    if chance.random() < 0.5:
        await scene.clock.advance(chance.choice([0.0, 0.05, 0.2]))


async def test_an_announcement_whose_close_is_cancelled_is_withdrawn(clock: ManualClock) -> None:
    scene = Scene(seed=3)
    await scene.live_through(scene.bitboot.__aenter__())
    announcement = scene.bitboot.announce("swarm", PEER)
    announcement.open()
    await scene.live_through(announcement.announced())
    closing = asyncio.ensure_future(announcement.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await scene.clock.advance(2)
    assert [backend.stored for backend in scene.backends] == [set(), set()]
    await scene.end()
