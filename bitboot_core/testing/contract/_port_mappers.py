"""Checks on a port mapper: it opens, renews and closes what it is asked to, and says what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from bitboot_core.errors import NoRouterAnswered, PortMappingFailed
from bitboot_core.model import KnownHost
from bitboot_core.port_mapper import PortGrant, PortMapper, PortRequest, Transport

from ._failing import fail
from ._leftovers import open_sockets, sockets_left, tasks_left

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterWorld:
    """A router for one check, on loopback, and the mapper that asks it.

    `make`: makes the mapper. `is_open`: whether the router has this outside port open for this transport.
    `silence`: has it answer nothing any more. `refuse`: has it refuse to open ports. `restart`: has it
    forget all.
    """

    make: Callable[[], PortMapper]
    is_open: Callable[[Transport, int], bool]
    silence: Callable[[], None]
    refuse: Callable[[], None]
    restart: Callable[[], None]


class PortMapperContract:
    """All checks of a port mapper. Subclass it, and make a `world`.

        class TestMyMapper(PortMapperContract):
            @asynccontextmanager
            async def world(self) -> AsyncIterator[RouterWorld]:
                ...
                yield RouterWorld(make=lambda: MyMapper(router.port), ...)

    `family`: the IP version that is checked. `patience`: seconds within which a call has to end, as the core
    gives it hardly more.
    """

    family: ClassVar[int] = 4
    patience: ClassVar[float] = 4.0
    grace: ClassVar[float] = 1.0

    def world(self) -> AbstractAsyncContextManager[RouterWorld]:
        """A new router and its mapper: override this, with an asynccontextmanager."""
        raise NotImplementedError(f"{type(self).__name__} makes no world()")

    def test_a_probe_changes_nothing(self) -> None:
        """It finds the router, opens nothing, and returns an address without a port."""

        async def check(world: RouterWorld, mapper: PortMapper) -> None:
            outside = await self._soon(mapper.probe(self.family), "probe()")
            if not isinstance(outside, KnownHost) or outside.port:
                fail(f"probe() returned {outside!r}, which is not a KnownHost with port 0")
            if any(world.is_open(transport, 7001) for transport in ("tcp", "udp")):
                fail("probe() opened a port")

        self._run(check)

    def test_a_port_is_opened_renewed_and_closed(self) -> None:
        """For each transport; renewed it stays at the same outside port."""

        async def check(world: RouterWorld, mapper: PortMapper) -> None:
            await self._soon(mapper.probe(self.family), "probe()")
            for transport in ("tcp", "udp"):
                grant = await self._map(mapper, transport, 7001)
                port = grant.outside.port
                if not world.is_open(transport, port):
                    fail(f"map() returned {grant}, and the router has not opened it for {transport}")
                again = await self._map(mapper, transport, port)
                if again.outside.port != port:
                    fail(f"renewed, it moved from port {port} to {again.outside.port}")
                await self._soon(mapper.unmap(self._request(transport, port), port), "unmap()")
                if world.is_open(transport, port):
                    fail(f"unmap() left port {port} open for {transport}")

        self._run(check)

    def test_closing_one_leaves_the_others(self) -> None:
        """Another transport, and another port."""

        async def check(world: RouterWorld, mapper: PortMapper) -> None:
            await self._soon(mapper.probe(self.family), "probe()")
            one = await self._map(mapper, "tcp", 7001)
            other = await self._map(mapper, "udp", 7001)
            third = await self._map(mapper, "tcp", 7002, port=7002)
            await self._soon(mapper.unmap(self._request("tcp", 7001), one.outside.port), "unmap()")
            if not world.is_open("udp", other.outside.port) or not world.is_open("tcp", third.outside.port):
                fail("unmap() closed more than it was asked to")

        self._run(check)

    def test_a_check_tells_whether_it_stands(self) -> None:
        """True after map(), False once the router has restarted."""

        async def check(world: RouterWorld, mapper: PortMapper) -> None:
            await self._soon(mapper.probe(self.family), "probe()")
            grant = await self._map(mapper, "tcp", 7001)
            request = self._request("tcp", 7001)
            if await self._soon(mapper.check(request, grant), "check()") is not True:
                fail("check() does not know what map() has just opened")
            world.restart()
            if await self._soon(mapper.check(request, grant), "check()") is not False:
                fail("check() did not notice that the router has restarted")

        self._run(check)

    def test_silence_is_no_refusal(self) -> None:
        """Where nobody answers it raises NoRouterAnswered, in time."""

        async def check(world: RouterWorld, mapper: PortMapper) -> None:
            world.silence()
            try:
                await self._soon(mapper.probe(self.family), "probe()")
            except NoRouterAnswered:
                return
            except PortMappingFailed as error:
                fail(f"nobody answered, and probe() raised {error!r} in place of NoRouterAnswered")
            fail("nobody answered, and probe() returned")

        self._run(check)

    def test_a_refusal_is_told(self) -> None:
        """Where the router says no it raises PortMappingFailed, and not NoRouterAnswered."""

        async def check(world: RouterWorld, mapper: PortMapper) -> None:
            await self._soon(mapper.probe(self.family), "probe()")
            world.refuse()
            try:
                await self._map(mapper, "tcp", 7001)
            except NoRouterAnswered:
                fail("the router refused, and map() raised NoRouterAnswered")
            except PortMappingFailed:
                return
            fail("the router refused, and map() returned")

        self._run(check)

    def test_nothing_is_left(self) -> None:
        """No task and no socket, also of a call that is cancelled. It may be closed twice."""

        async def check(world: RouterWorld, mapper: PortMapper) -> None:
            tasks, sockets = asyncio.all_tasks(), open_sockets()
            await self._soon(mapper.probe(self.family), "probe()")
            await self._map(mapper, "tcp", 7001)
            world.silence()
            waiting = asyncio.ensure_future(mapper.probe(self.family))
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            for _ in range(2):
                await self._soon(mapper.aclose(), "aclose()")
            if left := await tasks_left(tasks, self.grace):
                fail(f"closed, it left {left}")
            if left := await sockets_left(sockets, self.grace):
                fail(f"closed, it left {left}")

        self._run(check)

    # Inside

    def _request(self, transport: Transport, outside_port: int, port: int = 7001) -> PortRequest:
        return PortRequest(
            family=self.family, transport=transport, port=port, outside_port=outside_port, lifetime=600
        )

    async def _map(
        self, mapper: PortMapper, transport: Transport, outside_port: int, port: int = 7001
    ) -> PortGrant:
        grant = await self._soon(mapper.map(self._request(transport, outside_port, port)), "map()")
        if not isinstance(grant, PortGrant) or not grant.outside.port or not grant.lifetime > 0:
            fail(f"map() returned {grant!r}, which is no PortGrant with a port and a lifetime")
        return grant

    async def _soon(self, call: Awaitable[T], name: str) -> T:
        try:
            async with asyncio.timeout(self.patience) as scope:
                return await call
        except TimeoutError:
            if scope.expired():
                fail(f"{name} did not end within {self.patience:g} s")
            raise

    def _run(self, check: Callable[[RouterWorld, PortMapper], Coroutine[Any, Any, None]]) -> None:
        async def run() -> None:
            async with self.world() as world:
                mapper = world.make()
                try:
                    await check(world, mapper)
                finally:
                    await mapper.aclose()

        asyncio.run(run())
