"""One port of this machine, kept open on the router: opened, checked, renewed, opened again, closed."""

from __future__ import annotations

import asyncio
import math
import socket
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...aio import timing
from ...aio.clock import Clock, TimeUp, deadline
from ...aio.logs import logger
from ...aio.tasks import Signal
from ...errors import BitBootError, PortMappingFailed
from ...model import KnownHost, address_scope
from ...port_mapper import PortGrant, PortRequest, Transport
from .routers import GuardedMapper, Routers, all_failed

if TYPE_CHECKING:
    from random import Random

LIFETIME = 7200.0
"""Seconds that a router is asked to keep a port open (as RFC 6886, section 3.3, recommends)."""

RENEW_AT = 0.5
"""The share of a lifetime after which it is renewed (RFC 6886, section 3.3; RFC 6887, section 11.2.1)."""

CHECK_EVERY = 120.0
"""Seconds between two checks that the router still has it."""

LOOK_EVERY = 20.0
"""Seconds between two looks at whether this machine has another address. They send nothing."""

OLDEST = 3600.0
"""Seconds after which even what never expires is renewed: routers restart, and forget."""

CLOSE = 1.0
"""Seconds that the router gets to close it."""

SAME_PORT_TRIES = 4
"""How often a port is looked for that is free for both TCP and UDP."""

_NOWHERE = {4: ("192.0.2.1", socket.AF_INET), 6: ("2001:db8::1", socket.AF_INET6)}
"""Addresses that nobody has (RFC 5737, RFC 3849): nothing is sent there, only the way is asked for."""

log = logger(__name__)


def own_address(family: int) -> str | None:
    """This machine's address on its way out, None where there is no way. Sends nothing."""
    address, kind = _NOWHERE[family]
    with suppress(OSError), socket.socket(kind, socket.SOCK_DGRAM) as probe:
        probe.connect((address, 9))
        return str(probe.getsockname()[0])
    return None


@dataclass(frozen=True, slots=True)
class _Open:
    """What is open: through whom, and what was granted for each transport. Times are the clock's."""

    mapper: GuardedMapper
    granted: Sequence[tuple[PortRequest, PortGrant]]
    renew_at: float
    expires: float

    @property
    def outside(self) -> KnownHost:
        return self.granted[0][1].outside


class PortKeeper:
    """One port in one IP version, for one transport or for both at one outside port."""

    def __init__(
        self,
        routers: Routers,
        clock: Clock,
        random: Random,
        *,
        family: int,
        transports: Sequence[Transport],
        port: int,
        outside_port: int,
        changed: Callable[[], None],
    ) -> None:
        """`outside_port`: the one wanted. `changed`: called after each attempt, well or not."""
        self._routers, self._clock, self._random = routers, clock, random
        self._family, self._transports, self._port = family, transports, port
        self._wanted = outside_port
        self._changed = changed
        self._open: _Open | None = None
        self._begun: dict[tuple[GuardedMapper, Transport], tuple[PortRequest, int]] = {}
        self._stirred = False
        self._stir = Signal()
        self._own = own_address(family)
        self.attempts = 0
        """How many there were, well or not."""
        self.error: BitBootError | None = None
        """Why the last one failed."""

    @property
    def outside(self) -> KnownHost | None:
        """Where others reach it; None while it is not open."""
        is_open = self._open is not None and self._clock.now() < self._open.expires
        return self._open.outside if is_open and self._open is not None else None

    @property
    def method(self) -> str | None:
        """The port mapper that opened it."""
        return self._open.mapper.name if self.outside is not None and self._open is not None else None

    @property
    def expires_in(self) -> float | None:
        """Seconds until the router closes it unless it is renewed; `math.inf` where it does not by itself."""
        if self.outside is None or self._open is None:
            return None
        return self._open.expires - self._clock.now()

    def stir(self) -> None:
        """This machine's network or outside address has changed: open it again."""
        self._stirred = True
        self._stir.notify()

    async def keep(self) -> None:
        """Keep it open, until cancelled."""
        failures = 0
        check_at = 0.0
        while True:
            if not self._is_useful():
                self.attempts += 1
                self._changed()
                await self._wait(math.inf)
                continue
            try:
                if self._open is None or self._stirred:
                    await self._open_again(is_void=True)
                elif failures > 1:
                    await self._open_again(is_void=False)
                elif self._clock.now() >= self._open.renew_at:
                    await self._renew(self._open)
                elif not await self._stands(self._open):
                    log.info("the router has forgotten port %d: it is opened again", self._port)
                    await self._open_again(is_void=True)
            except PortMappingFailed as error:
                failures, self.error = failures + 1, error.with_traceback(None)
                left = 0.0 if self._open is None else self._open.expires - self._clock.now()
                if left <= 0:
                    self._open = None
                next_at = self._clock.now() + timing.retry_after(failures, LIFETIME, self._random, left=left)
            else:
                failures, self.error = 0, None
                check_at = self._clock.now() + CHECK_EVERY
                next_at = min(check_at, self._open.renew_at if self._open is not None else math.inf)
            self.attempts += 1
            self._changed()
            await self._wait(next_at)

    async def close(self) -> None:
        """Have the router close what it may have opened. Within CLOSE seconds."""
        self._open = None
        await self._give_back(unless_needed=True)

    # Inside

    def _is_useful(self) -> bool:
        """Whether an open port would be of use: IPv6 is not translated, so the address has to be public."""
        if self._family == 4:
            return True
        return self._own is not None and address_scope(self._own.partition("%")[0]) == "public"

    async def _wait(self, until: float) -> None:
        """Until then, or until something has changed."""
        while not self._stirred and self._clock.now() < until:
            with suppress(TimeUp):
                async with deadline(self._clock, min(until, self._clock.now() + LOOK_EVERY)):
                    await self._stir.wait()
            own = own_address(self._family)
            if own != self._own and own is not None:
                log.info("this machine is at %s now: port %d is opened again", own, self._port)
                self._own, self._stirred = own, True

    async def _open_again(self, *, is_void: bool) -> None:
        """Ask who opens ports, close it, and open it. Raises PortMappingFailed.

        `is_void`: what is open by now is worth nothing, also where this fails.
        """
        self._stirred = False
        failures: dict[str, PortMappingFailed] = {}
        async with aclosing(self._routers.answering(self._family, failures)) as answers:
            async for answer in answers:
                # Deleted and added: a router may list a port for ever and forward nothing to it.
                await self._give_back()
                try:
                    granted = await self._open_by(answer.mapper)
                except PortMappingFailed as error:
                    failures[answer.mapper.name] = error
                else:
                    self._opened(answer.mapper, granted)
                    return
        if is_void or not self._begun:
            self._open = None
        raise all_failed(failures)

    async def _give_back(self, *, unless_needed: bool = False) -> None:
        """Have closed what may be open. `unless_needed`: but for what another keeper has open too."""
        begun, self._begun = list(self._begun.items()), {}
        due = []
        for (mapper, _), (request, outside_port) in begun:
            held = request.family, request.transport, request.port, outside_port
            holders = mapper.holders.get(held, set())
            holders.discard(self)
            if not holders:
                mapper.holders.pop(held, None)
            if not (holders and unless_needed):
                due.append(self._unmap(mapper, request, outside_port))
        await asyncio.gather(*due)

    async def _open_by(self, mapper: GuardedMapper) -> list[tuple[PortRequest, PortGrant]]:
        """Open it for each transport, at one outside port."""
        wanted = self._wanted
        for _ in range(SAME_PORT_TRIES):
            granted: list[tuple[PortRequest, PortGrant]] = []
            for transport in self._transports:
                request = PortRequest(
                    family=self._family,
                    transport=transport,
                    port=self._port,
                    outside_port=granted[0][1].outside.port if granted else wanted,
                    lifetime=LIFETIME,
                )
                granted.append((request, await self._map(mapper, request)))
            if len({grant.outside.port for _, grant in granted}) == 1:
                return granted
            await self._give_back()
            wanted = self._random.randrange(20000, 60000)
        raise PortMappingFailed(
            f"{mapper.name}: the router gives different outside ports for TCP and UDP",
            hint="ask for one of them, with transport=",
        )

    async def _map(self, mapper: GuardedMapper, request: PortRequest) -> PortGrant:
        # Noted before it is asked for: an answer that is lost leaves the port open all the same.
        key = mapper, request.transport
        self._begun[key] = request, request.outside_port
        grant = await mapper.map(request)
        self._begun[key] = request, grant.outside.port
        held = request.family, request.transport, request.port, grant.outside.port
        mapper.holders.setdefault(held, set()).add(self)
        return grant

    async def _renew(self, now_open: _Open) -> None:
        granted = []
        for request, grant in now_open.granted:
            again = replace(request, outside_port=grant.outside.port)
            granted.append((again, await self._map(now_open.mapper, again)))
        if len({grant.outside.port for _, grant in granted}) > 1:
            await self._open_again(is_void=False)
        else:
            self._opened(now_open.mapper, granted)

    async def _stands(self, now_open: _Open) -> bool:
        for request, grant in now_open.granted:
            if not await now_open.mapper.check(request, grant):
                return False
        return True

    def _opened(self, mapper: GuardedMapper, granted: Sequence[tuple[PortRequest, PortGrant]]) -> None:
        now = self._clock.now()
        lifetime = min(grant.lifetime for _, grant in granted)
        renew_at = now + max(timing.SHORTEST_WAIT, min(RENEW_AT * lifetime, OLDEST))
        self._open = _Open(mapper, granted, renew_at, now + lifetime)
        self._wanted = self._open.outside.port  # others know it by now

    async def _unmap(self, mapper: GuardedMapper, request: PortRequest, outside_port: int) -> None:
        try:
            await mapper.unmap(request, outside_port, CLOSE)
        except BitBootError as error:
            log.info("port %d was not closed, and will expire: %s", request.port, error)
