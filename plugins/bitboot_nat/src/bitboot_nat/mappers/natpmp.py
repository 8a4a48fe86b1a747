"""NAT-PMP (RFC 6886): what Apple's routers spoke first, and many do by now."""

from __future__ import annotations

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
from ..wire import natpmp
from ..wire.epoch import Epoch

UNMAP_PAUSES = (0.25, 0.5)
"""Seconds to wait for the answer to a deletion each time. It is made while somebody waits for the end."""

MAX_LIFETIME = 86_400.0

SWITCH_ON = "allow NAT-PMP in the router's settings"

NO_ADDRESS = 3

NOT_OUTSIDE = (
    "it is not connected, or stands behind another NAT (double NAT) where it could open nothing; "
    "`bitboot doctor` says how others see this machine"
)
"""The hint where a router has no outside address."""


class NatPmpMapper(PortMapper):
    """Asks the default gateway."""

    def __init__(
        self,
        gateways: Callable[[int], Sequence[Gateway]] = default_gateways,
        *,
        port: int = natpmp.PORT,
        clock: Clock | None = None,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._gateways, self._port, self._pauses = gateways, port, pauses
        self._clock = SystemClock() if clock is None else clock
        self._router: Gateway | None = None
        self._epoch = Epoch()
        self._granted: dict[tuple[Transport, int], int] = {}  # how often the router had restarted by then

    async def probe(self, family: int) -> KnownHost:
        """Ask all default gateways for their outside addresses."""
        router, address = await first(self._gateways(family), self._address)
        if address.result:
            raise _refused(router, address.result)
        if router != self._router:
            self._router, self._epoch, self._granted = router, Epoch(), {}
        self._epoch.heard(address.epoch, self._clock.now())
        return KnownHost(_known(address.host), 0)

    async def map(self, request: PortRequest) -> PortGrant:
        """Ask for the port, and for the outside address, which comes in an answer of its own."""
        router = self._asked()
        mapped = await self._map(router, request, request.outside_port, round(request.lifetime), self._pauses)
        if mapped.result or not mapped.outside_port or not mapped.lifetime:
            raise _refused(router, mapped.result)
        _, address = await self._address(router)
        self._epoch.heard(mapped.epoch, self._clock.now())
        self._granted[request.transport, request.port] = self._epoch.restarts
        return PortGrant(
            KnownHost(_known(address.host), mapped.outside_port), min(float(mapped.lifetime), MAX_LIFETIME)
        )

    async def unmap(self, request: PortRequest, outside_port: int) -> None:
        """Delete it (section 3.4): by the port inside, so that nobody else's is touched."""
        self._granted.pop((request.transport, request.port), None)
        router = self._asked()
        mapped = await self._map(router, request, 0, 0, UNMAP_PAUSES)
        if mapped.result:
            raise _refused(router, mapped.result)

    async def check(self, request: PortRequest, grant: PortGrant) -> bool:
        """Whether the router has not restarted, and has the same outside address."""
        _, address = await self._address(self._asked())
        self._epoch.heard(address.epoch, self._clock.now())
        restarts = self._granted.get((request.transport, request.port))
        return restarts == self._epoch.restarts and _known(address.host) == grant.outside.host

    async def aclose(self) -> None:
        """Nothing stays open between two questions."""

    # Inside

    def _asked(self) -> Gateway:
        if self._router is None:
            raise NoRouterAnswered("no router has answered yet", hint="probe first")
        return self._router

    async def _address(self, router: Gateway) -> tuple[Gateway, natpmp.Address]:
        question = natpmp.address_request()
        return router, await ask(router, self._port, question, natpmp.read_address, pauses=self._pauses)

    async def _map(
        self, router: Gateway, request: PortRequest, outside_port: int, lifetime: int, pauses: Sequence[float]
    ) -> natpmp.Mapped:
        question = natpmp.map_request(request.transport, request.port, outside_port, lifetime)
        return await ask(
            router,
            self._port,
            question,
            lambda datagram: natpmp.read_mapped(datagram, request.transport, request.port),
            pauses=pauses,
        )


def _refused(router: Gateway, result: int) -> PortMappingFailed:
    reason = natpmp.RESULTS.get(result, f"result {result}, which means nothing here")
    return PortMappingFailed(
        f"{router.host} says: {reason}", hint=NOT_OUTSIDE if result == NO_ADDRESS else SWITCH_ON
    )


def _known(host: str) -> str:
    return "" if host == "0.0.0.0" else host
