"""PCP (RFC 6887): the successor of NAT-PMP, which opens ports in IPv6 firewalls too."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from bitboot_core import (
    KnownHost,
    NoRouterAnswered,
    PortGrant,
    PortMapper,
    PortMappingFailed,
    PortRequest,
    Transport,
)
from bitboot_core.aio.clock import Clock, SystemClock

from ..asking import PAUSES, ask
from ..gateway import Gateway, default_gateways
from ..racing import first
from ..wire import pcp
from ..wire.epoch import Epoch
from ..wire.natpmp import PORT
from .natpmp import MAX_LIFETIME, NOT_OUTSIDE, UNMAP_PAUSES

SWITCH_ON = "allow PCP in the router's settings"

ANY = {4: "0.0.0.0", 6: "::"}

NOT_AUTHORIZED, UNSUPPORTED_OPCODE, NETWORK_FAILURE = 2, 4, 7


class _Router:
    """A gateway that has answered, and when it has restarted."""

    def __init__(self, gateway: Gateway, own: str) -> None:
        self.gateway, self.own = gateway, own
        self.epoch = Epoch()


class _Port:
    """What is known of one port of ours: the nonce that it is asked for with, and what was granted."""

    def __init__(self) -> None:
        self.nonce = secrets.token_bytes(pcp.NONCE_BYTES)
        self.outside = ""
        self.granted_by: tuple[_Router, int] | None = None  # and how often that had restarted by then


class PcpMapper(PortMapper):
    """Asks the default gateway."""

    def __init__(
        self,
        gateways: Callable[[int], Sequence[Gateway]] = default_gateways,
        *,
        port: int = PORT,
        clock: Clock | None = None,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._gateways, self._port, self._pauses = gateways, port, pauses
        self._clock = SystemClock() if clock is None else clock
        self._routers: dict[int, _Router] = {}
        self._ports: dict[tuple[int, Transport, int], _Port] = {}

    async def probe(self, family: int) -> KnownHost:
        """Ask all default gateways for a sign of life. They do not tell their outside addresses so."""
        router, answer = await first(self._gateways(family), self._announced)
        if answer.result == pcp.UNSUPPORTED_VERSION:
            raise NoRouterAnswered(_says(router.gateway, answer.result))
        if answer.result not in (0, UNSUPPORTED_OPCODE):
            raise PortMappingFailed(_says(router.gateway, answer.result), hint=SWITCH_ON)
        known = self._routers.get(family)
        if known is not None and (known.gateway, known.own) == (router.gateway, router.own):
            known.epoch.heard(answer.epoch, self._clock.now())
        else:
            self._routers[family] = router
        return KnownHost("", 0)

    async def map(self, request: PortRequest) -> PortGrant:
        """Ask for the port."""
        router, port = self._asked(request), self._port_of(request)
        answer = await self._map(
            router, port, request, outside_port=request.outside_port, lifetime=round(request.lifetime)
        )
        if not isinstance(answer, pcp.Mapped) or not answer.outside_port or not answer.lifetime:
            raise PortMappingFailed(_says(router.gateway, answer.result), hint=_hint(answer.result))
        router.epoch.heard(answer.epoch, self._clock.now())
        port.outside, port.granted_by = answer.host, (router, router.epoch.restarts)
        outside = KnownHost(answer.host, answer.outside_port)
        return PortGrant(outside, min(float(answer.lifetime), MAX_LIFETIME))

    async def unmap(self, request: PortRequest, outside_port: int) -> None:
        """Delete it (section 15): by the port inside and the nonce, so that nobody else's is touched."""
        port = self._ports.pop((request.family, request.transport, request.port), None)
        if port is None:
            return  # it was never asked for
        router = self._asked(request)
        answer = await self._map(
            router, port, request, outside_port=outside_port, lifetime=0, pauses=UNMAP_PAUSES
        )
        if answer.result:
            raise PortMappingFailed(_says(router.gateway, answer.result))

    async def check(self, request: PortRequest, grant: PortGrant) -> bool:
        """Whether the router has lost nothing, nor got another address: its epoch tells (section 8.5)."""
        router, port = self._asked(request), self._port_of(request)
        _, answer = await self._announced(router.gateway)
        router.epoch.heard(answer.epoch, self._clock.now())
        return port.granted_by == (router, router.epoch.restarts)

    async def aclose(self) -> None:
        """Nothing stays open between two questions."""

    # Inside

    def _asked(self, request: PortRequest) -> _Router:
        router = self._routers.get(request.family)
        if router is None:
            raise NoRouterAnswered("no router has answered yet", hint="probe first")
        return router

    def _port_of(self, request: PortRequest) -> _Port:
        return self._ports.setdefault((request.family, request.transport, request.port), _Port())

    async def _announced(self, gateway: Gateway) -> tuple[_Router, pcp.Answer]:
        own = gateway.own_address()
        if own is None:
            raise NoRouterAnswered(
                f"no way leads to {gateway.host}", hint="check that this machine is online"
            )
        question = pcp.announce_request(own)
        answer = await ask(gateway, self._port, question, pcp.read_announced, pauses=self._pauses, own=own)
        router = _Router(gateway, own)
        router.epoch.heard(answer.epoch, self._clock.now())
        return router, answer

    async def _map(
        self,
        router: _Router,
        port: _Port,
        request: PortRequest,
        *,
        outside_port: int,
        lifetime: int,
        pauses: Sequence[float] | None = None,
    ) -> pcp.Answer:
        question = pcp.map_request(
            router.own,
            port.nonce,
            request.transport,
            request.port,
            outside_port=outside_port,
            lifetime=lifetime,
            outside=port.outside or ANY[request.family],
        )
        return await ask(
            router.gateway,
            self._port,
            question,
            lambda datagram: pcp.read_mapped(datagram, port.nonce, request.transport, request.port),
            pauses=self._pauses if pauses is None else pauses,
            own=router.own,
        )


def _says(gateway: Gateway, result: int) -> str:
    return f"{gateway.host} says: {pcp.RESULTS.get(result, f'result {result}, which means nothing here')}"


def _hint(result: int) -> str:
    if result == NOT_AUTHORIZED:
        return f"{SWITCH_ON}; or another program, or an earlier run of this one, has opened the port"
    return NOT_OUTSIDE if result == NETWORK_FAILURE else SWITCH_ON
