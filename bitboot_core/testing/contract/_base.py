"""What all checks stand on: an event loop of their own, two nodes of a world, and patience."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, ClassVar, TypeVar, cast
from weakref import WeakSet

import pytest

from bitboot_core.backend import Announces, Backend
from bitboot_core.model import KnownHost
from bitboot_core.reports import Receipt

from ._failing import fail
from ._world import World, make_event_loop

T = TypeVar("T")

LIFETIME = 600.0
"""Seconds that announcements are asked to live where their end is not what is checked."""

ADDRESSES = {4: "192.0.2.7", 6: "2001:db8::7"}
"""Of the networks for documentation (RFC 5737, RFC 3849): nobody's own."""


class Checks:
    """The base of all checks; what a subclass of `BackendContract` says about itself.

    `entry_point`: the name of the plugin's entry point in the group `bitboot`. `backend`: the name
    of the BackendSpec, where it is not the entry point's. `patience`: seconds after which a call
    that should have ended fails the check. `grace`: seconds within which what a closed node leaves
    has to be gone, as many as a close may take. `blocking`: seconds for which no step of the event loop
    may take.
    """

    entry_point: ClassVar[str]
    backend: ClassVar[str | None] = None
    patience: ClassVar[float] = 30.0
    grace: ClassVar[float] = 2.0
    blocking: ClassVar[float] = 0.5

    _threads: ClassVar[WeakSet[threading.Thread]] = WeakSet()
    """Those that began during any check of this class. Some backends start one once a process, in whichever
    check comes first: compared with before a single check, it would not be found."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._threads = WeakSet()

    def world(self) -> AbstractAsyncContextManager[World]:
        """A new small world: override this, with an asynccontextmanager.

        It is entered once for each check, in the check's event loop, and left when the check's own
        nodes are closed. Fixtures of pytest come in through an autouse fixture that sets an attribute.
        """
        raise NotImplementedError(f"{type(self).__name__} makes no world()")

    def run(self, check: Callable[[Nodes], Coroutine[Any, Any, None]]) -> None:
        """Run `check` in a new event loop, with the nodes of a new world."""

        async def live() -> None:
            async with self.world() as world, _closing(Nodes(world, self.patience, self.grace)) as nodes:
                await check(nodes)

        before = threading.enumerate()
        try:
            with asyncio.Runner(loop_factory=make_event_loop) as runner:
                runner.run(live())
        finally:
            self._threads.update(set(threading.enumerate()) - set(before))


def check(function: Callable[[Any, Nodes], Coroutine[Any, Any, None]]) -> Callable[[Any], None]:
    """Make a plain test method of an asynchronous check, with the nodes of a new world."""

    def test(self: Checks) -> None:
        self.run(lambda nodes: function(self, nodes))

    # Not functools.wraps: pytest would see through it, and take `nodes` for a fixture.
    test.__name__, test.__qualname__, test.__doc__ = (
        function.__name__,
        function.__qualname__,
        function.__doc__,
    )
    return test


class Nodes:
    """The nodes of one check, and what it does with them. All waiting is bounded."""

    def __init__(self, world: World, patience: float, grace: float) -> None:
        self.world = world
        self.patience = patience
        self.grace = grace
        self._open: list[Backend] = []

    # Their life

    async def start(self, *, bootstrap: bool = True) -> Backend:
        """One more node, in touch with the world."""
        node = self.world.make()
        self._open.append(node)
        await self.soon(node.start(), "start()")
        if bootstrap and self.world.contacts:
            answered = await self.soon(node.bootstrap(list(self.world.contacts)), "bootstrap()")
            if answered < 1:
                fail(f"bootstrap() reached {answered!r} of the world's {len(self.world.contacts)} contacts")
        return node

    async def pair(self) -> tuple[Backend, Backend]:
        """Two nodes: the first announces, the second looks."""
        return await self.start(), await self.start()

    async def close(self, node: Backend) -> None:
        """Close a node, once: those that a check leaves open are closed at its end."""
        if node in self._open:
            self.release(node)
        await self.soon(node.aclose(), "aclose()")

    def release(self, node: Backend) -> None:
        """Leave the closing of this node to the check."""
        self._open.remove(node)

    async def close_all(self) -> None:
        """Close those that are still open."""
        while self._open:
            await self.close(self._open[-1])

    # What they do

    async def announce(
        self, node: Backend, key: bytes, endpoint: KnownHost, lifetime: float = LIFETIME
    ) -> Receipt:
        """Announce once."""
        return await self.soon(node.announce(key, endpoint, lifetime=lifetime), f"announce({endpoint})")

    async def look(self, node: Backend, key: bytes) -> list[KnownHost]:
        """All that a lookup yields, to its end."""
        found = await self.soon(collect(node, key), "a lookup")
        for peer in found:
            if not isinstance(peer, KnownHost):
                fail(f"a lookup yielded {peer!r}, which is not a KnownHost")
        return found

    async def ports(self, node: Backend, key: bytes) -> set[int]:
        """The ports of the peers that a lookup finds."""
        return {peer.port for peer in await self.look(node, key)}

    async def expect(self, node: Backend, key: bytes, ports: Iterable[int], when: str) -> None:
        """Fail unless a lookup finds the peers with these ports, and no others."""
        found, wanted = await self.ports(node, key), set(ports)
        if found != wanted:
            fail(f"{when}, a lookup found the ports {sorted(found)} instead of {sorted(wanted)}")

    async def advance(self, seconds: float) -> None:
        """Let time pass; skip the check where this world's cannot."""
        if self.world.advance is None:
            pytest.skip(self.world.no_clock)
        await self.world.advance(seconds)

    async def soon(self, work: Awaitable[T], what: str) -> T:
        """The result of `work`. Fails where it takes longer than the patience lasts."""
        # Not asyncio.timeout: a backend that swallows its cancellation would hold up the check too.
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait([task], timeout=self.patience)
        finally:
            if not task.done():
                task.cancel()
        if not task.done():
            fail(f"{what} has not ended after {self.patience:g} s")
        return task.result()


@asynccontextmanager
async def _closing(nodes: Nodes) -> AsyncIterator[Nodes]:
    try:
        yield nodes
    finally:
        await nodes.close_all()


async def collect(node: Backend, key: bytes) -> list[KnownHost]:
    """All that a lookup yields, closing it in any case."""
    async with aclosing(stream(node, key)) as found:
        return [peer async for peer in found]


def stream(node: Backend, key: bytes) -> AsyncGenerator[KnownHost, None]:
    """A lookup, as something that can be closed. Fails where it is neither read nor closed like one."""
    found = node.lookup(key)
    if not (hasattr(found, "__anext__") and hasattr(found, "aclose")):
        fail(f"lookup() returned {type(found).__name__}, not an asynchronous generator")
    return cast("AsyncGenerator[KnownHost, None]", found)


def key_of(node: Backend, name: str) -> bytes:
    """A key of the length that the node's network has."""
    return hashlib.shake_256(name.encode()).digest(node.capabilities.key_bytes)


def endpoint_of(node: Backend, port: int) -> KnownHost:
    """An endpoint that the node can announce: anybody's where it can, else its own."""
    capabilities = node.capabilities
    if capabilities.announces is Announces.OWN_ADDRESS:
        return KnownHost("", port)
    return KnownHost(ADDRESSES[min(capabilities.families)], port)


async def raised_by(call: Callable[[], object]) -> BaseException | None:
    """What a method raises: when it is called, or when its result is awaited. None where it does not."""
    try:
        result = call()
        if hasattr(result, "__await__"):
            await cast("Awaitable[object]", result)
    except Exception as error:  # noqa: BLE001 - it is the caller who judges
        return error
    return None
