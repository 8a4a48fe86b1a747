"""The router, asked in every way that is installed: port mappers at arm's length, the best that answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from ...aio.clock import Clock, TimeUp, deadline
from ...aio.logs import logger
from ...aio.tasks import Tasks, cancel
from ...errors import NoRouterAnswered, NotRunning, PortMappingFailed
from ...model import KnownHost

if TYPE_CHECKING:
    from ..._plugins.registry import Registry
    from ...port_mapper import PortGrant, PortMapper, PortMapperSpec, PortRequest

T = TypeVar("T")

PROBE = 3.0
"""Seconds that a router gets to answer at all."""

HEAD_START = 0.25
"""Seconds that better methods get to answer, once one has."""

ANSWER = 4.0
"""Seconds that a router gets to open, renew or check a port: small ones write each change to flash."""

CLOSE = 0.5

NO_ROUTER_HINT = (
    "switch on PCP, NAT-PMP or UPnP in the router's settings, or forward the port there by hand; "
    "finding and announcing work all the same"
)

log = logger(__name__)


Held = tuple[int, str, int, int]
"""An open port: IP version, transport, port, outside port."""


class GuardedMapper:
    """One port mapper: whatever it does, what comes back is an answer in time or a PortMappingFailed."""

    def __init__(self, name: str, spec: PortMapperSpec, clock: Clock) -> None:
        self.name, self.rank, self.families = name, spec.rank, frozenset(spec.families)
        self._spec, self._clock, self._tasks = spec, clock, Tasks(clock)
        self._mapper: PortMapper | None = None
        self._is_closed = False
        self.holders: dict[Held, set[object]] = {}
        """Who needs what is open: several may have asked for the same port."""

    async def probe(self, family: int) -> KnownHost:
        """The outside address of a router that speaks this method."""
        outside = await self._call("find a router", lambda mapper: mapper.probe(family), PROBE)
        if not isinstance(outside, KnownHost):
            raise self._nonsense(outside)
        return outside

    async def map(self, request: PortRequest) -> PortGrant:
        """Open a port, or renew it."""
        from ...port_mapper import PortGrant  # noqa: PLC0415 - few programs open ports

        grant = await self._call("open the port", lambda mapper: mapper.map(request), ANSWER)
        if not (
            isinstance(grant, PortGrant)
            and isinstance(grant.outside, KnownHost)
            and grant.outside.port > 0
            and isinstance(grant.lifetime, (int, float))
            and grant.lifetime > 0
        ):
            raise self._nonsense(grant)
        log.info(
            "%s: %s port %d is open at %s for %s s",
            self.name,
            request.transport,
            request.port,
            grant.outside,
            grant.lifetime,
        )
        return grant

    async def unmap(self, request: PortRequest, outside_port: int, timeout: float) -> None:
        """Close it."""
        await self._call("close the port", lambda mapper: mapper.unmap(request, outside_port), timeout)
        log.info("%s: %s port %d is closed again", self.name, request.transport, request.port)

    async def check(self, request: PortRequest, grant: PortGrant) -> bool:
        """Whether it still stands."""
        stands = await self._call("check the port", lambda mapper: mapper.check(request, grant), ANSWER)
        if not isinstance(stands, bool):
            raise self._nonsense(stands)
        return stands

    async def aclose(self) -> None:
        """Close it within CLOSE seconds. What goes wrong is logged."""
        mapper, self._mapper, self._is_closed = self._mapper, None, True
        await self._tasks.cancel()
        if mapper is not None:
            try:
                await self._tasks.run(mapper.aclose(), self._clock.now() + CLOSE)
            except Exception as error:  # noqa: BLE001 - the plugin's own, whatever it is
                log.warning("the port mapper %s did not close: %r", self.name, error)

    async def _call(self, doing: str, method: Callable[[PortMapper], Awaitable[T]], timeout: float) -> T:
        async def call() -> T:
            if self._is_closed:
                raise NotRunning("this BitBoot has been closed", hint="make a new one")
            if self._mapper is None:
                self._mapper = self._made()
            return await method(self._mapper)

        try:
            return await self._tasks.run(call(), self._clock.now() + timeout)
        except TimeUp:
            raise PortMappingFailed(
                f"{self.name} did not {doing} within {timeout:g} s", hint="it is tried again"
            ) from None
        except (PortMappingFailed, NotRunning):
            raise
        except Exception as error:
            raise PortMappingFailed(
                f"{self.name} failed to {doing}: {type(error).__name__}: {error}", hint=self._report_it()
            ) from error

    def _made(self) -> PortMapper:
        from ..._plugins.lacking import why_unavailable  # noqa: PLC0415 - few programs need it

        if (reason := why_unavailable(self._spec)) is not None:
            raise PortMappingFailed(
                f"it does not work here: {reason}", hint="see `bitboot plugins` for those that do"
            )
        from ...port_mapper import PortMapper  # noqa: PLC0415

        mapper = self._spec.factory()
        if not isinstance(mapper, PortMapper):
            raise TypeError(f"its factory gave {mapper!r:.100}")
        return mapper

    def _nonsense(self, answer: object) -> PortMappingFailed:
        return PortMappingFailed(f"{self.name} answered {answer!r:.200}", hint=self._report_it())

    def _report_it(self) -> str:
        return f"this is a mistake in the port mapper {self.name}: report it to its authors"


class Answer:
    """A mapper that a router has answered, and the outside address that it told, with port 0."""

    def __init__(self, mapper: GuardedMapper, outside: KnownHost) -> None:
        self.mapper, self.outside = mapper, outside


class Routers:
    """All port mappers that are installed, for one BitBoot. They are made when they are first needed."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self._registry, self._clock = registry, clock
        self._mappers: list[GuardedMapper] | None = None

    def check(self) -> None:
        """Raise PortMappingFailed where none is installed."""
        if not self._all():
            from ..._plugins.frozen import how_to_get  # noqa: PLC0415 - few programs need it

            raise PortMappingFailed(
                "nothing is installed that asks routers to open ports", hint=how_to_get("nat")
            )

    @property
    def families(self) -> frozenset[int]:
        """The IP versions that one of them knows."""
        return frozenset().union(*(mapper.families for mapper in self._all()))

    async def answering(
        self, family: int, failures: dict[str, PortMappingFailed]
    ) -> AsyncGenerator[Answer, None]:
        """The mappers that a router answers, the best first: all are asked at once.

        Ends when all have answered, or had their time. Why the others did not is put into `failures`.
        Close it (`contextlib.aclosing`) where it is not read to the end.
        """
        probing = {
            asyncio.create_task(mapper.probe(family)): mapper
            for mapper in self._all()
            if family in mapper.families
        }
        ready: list[Answer] = []
        try:
            while probing or ready:
                if not ready:
                    await asyncio.wait(probing, return_when=asyncio.FIRST_COMPLETED)
                    ready += _answered(probing, failures)
                    if ready and any(one.rank < ready[0].mapper.rank for one in probing.values()):
                        with suppress(TimeUp):
                            async with deadline(self._clock, self._clock.now() + HEAD_START):
                                await asyncio.wait(probing)
                        ready += _answered(probing, failures)
                    continue
                ready.sort(key=lambda one: one.mapper.rank)
                yield ready.pop(0)
                ready += _answered(probing, failures)
        finally:
            await cancel(probing, self._clock)

    async def aclose(self) -> None:
        """Close all of them."""
        if self._mappers:
            await asyncio.gather(*(mapper.aclose() for mapper in self._mappers))

    def _all(self) -> list[GuardedMapper]:
        if self._mappers is None:
            specs = self._registry.port_mappers()
            self._mappers = [GuardedMapper(name, spec, self._clock) for name, spec in specs.items()]
        return self._mappers


def _answered(
    probing: dict[asyncio.Task[KnownHost], GuardedMapper], failures: dict[str, PortMappingFailed]
) -> list[Answer]:
    """Those that are done, taken out of `probing`: the answers. Raises NotRunning."""
    found = []
    for task in [task for task in probing if task.done()]:
        mapper = probing.pop(task)
        try:
            found.append(Answer(mapper, task.result()))
        except PortMappingFailed as error:
            failures[mapper.name] = error
    return found


def all_failed(failures: dict[str, PortMappingFailed]) -> PortMappingFailed:
    """The error where no method worked. `failures`: each one's, by name."""
    silent = all(isinstance(error, NoRouterAnswered) for error in failures.values())
    causes = "; ".join(f"{name}: {error}" for name, error in failures.items()) or "there is no way to ask"
    if silent:
        return NoRouterAnswered(f"no router opens ports here: {causes}", hint=NO_ROUTER_HINT)
    hints = dict.fromkeys(
        error.hint for error in failures.values() if error.hint and not isinstance(error, NoRouterAnswered)
    )
    return PortMappingFailed(
        f"the router did not open the port: {causes}", hint="; ".join(hints) or NO_ROUTER_HINT
    )
