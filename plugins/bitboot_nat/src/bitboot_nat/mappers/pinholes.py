"""UPnP for IPv6: holes in the router's firewall (WANIPv6FirewallControl:1, which comes with IGD 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bitboot_core import KnownHost, NoRouterAnswered, PortGrant, PortMapper, PortMappingFailed, PortRequest

from ..gateway import Gateway, default_gateways
from ..igd import SWITCH_ON, Device, find
from ..racing import first
from ..wire import soap, ssdp
from ..wire.description import FIREWALL

NO_SUCH_PINHOLE = 704

MAX_LIFETIME = 86_400
"""Seconds that one may last (section 2.3.2)."""

PROTOCOLS = {"tcp": 6, "udp": 17}


class PinholeMapper(PortMapper):
    """Asks the default gateway over IPv6."""

    def __init__(
        self,
        gateways: Callable[[int], Sequence[Gateway]] = default_gateways,
        *,
        port: int = ssdp.PORT,
        group: str | None = None,
    ) -> None:
        """`port` and `group`: where searches are sent, for tests."""
        self._gateways, self._port, self._group = gateways, port, group
        self._device: Device | None = None
        self._pinholes: dict[tuple[str, int], str] = {}  # their ids, by transport and port

    async def probe(self, family: int) -> KnownHost:
        """Find the router's firewall, and whether it lets anybody open anything."""
        self._device = await first(self._gateways(family), self._found)
        return KnownHost("", 0)

    async def map(self, request: PortRequest) -> PortGrant:
        """UpdatePinhole where it is open, else AddPinhole: for this machine's own address, untranslated."""
        device = self._asked()
        key = request.transport, request.port
        lifetime = min(round(request.lifetime), MAX_LIFETIME)
        try:
            if key not in self._pinholes or not await self._update(device, self._pinholes[key], lifetime):
                self._pinholes[key] = await self._add(device, request, lifetime)
        except soap.Fault as fault:
            raise device.refusal(fault) from None
        return PortGrant(KnownHost(device.own, request.port), float(lifetime))

    async def unmap(self, request: PortRequest, outside_port: int) -> None:
        """DeletePinhole."""
        pinhole = self._pinholes.pop((request.transport, request.port), None)
        if pinhole is None:
            return
        device = self._asked()
        try:
            await device.call("DeletePinhole", {"UniqueID": pinhole})
        except soap.Fault as fault:
            if fault.code != NO_SUCH_PINHOLE:
                raise device.refusal(fault) from None

    async def check(self, request: PortRequest, grant: PortGrant) -> bool:
        """CheckPinholeWorking: whether it is there. That nothing has come through yet is no fault."""
        pinhole = self._pinholes.get((request.transport, request.port))
        if pinhole is None:
            return False
        try:
            answer = await self._asked().call("CheckPinholeWorking", {"UniqueID": pinhole})
        except soap.Fault as fault:
            return fault.code != NO_SUCH_PINHOLE
        return answer.get("IsWorking", "1") in {"1", "true", "yes"}

    async def aclose(self) -> None:
        """Nothing stays open between two calls."""

    # Inside

    def _asked(self) -> Device:
        if self._device is None:
            raise NoRouterAnswered("no router has answered yet", hint="probe first")
        return self._device

    async def _found(self, gateway: Gateway) -> Device:
        device = (await find(gateway, [FIREWALL], port=self._port, group=self._group))[0]
        try:
            status = await device.call("GetFirewallStatus")
        except soap.Fault as fault:
            raise device.refusal(fault) from None
        if status.get("InboundPinholeAllowed") in {"0", "false", "no"}:
            raise PortMappingFailed(f"{gateway.host} allows no IPv6 pinholes", hint=SWITCH_ON)
        return device

    async def _update(self, device: Device, pinhole: str, lifetime: int) -> bool:
        """Whether it was there, and lasts longer now."""
        try:
            await device.call("UpdatePinhole", {"UniqueID": pinhole, "NewLeaseTime": lifetime})
        except soap.Fault as fault:
            if fault.code != NO_SUCH_PINHOLE:
                raise
            return False
        return True

    async def _add(self, device: Device, request: PortRequest, lifetime: int) -> str:
        answer = await device.call(
            "AddPinhole",
            {
                "RemoteHost": "",
                "RemotePort": 0,
                "InternalClient": device.own,
                "InternalPort": request.port,
                "Protocol": PROTOCOLS[request.transport],
                "LeaseTime": lifetime,
            },
        )
        identity = answer.get("UniqueID", "")
        if not (identity.isascii() and identity.isdigit() and len(identity) <= 5):
            raise PortMappingFailed(f"{device.gateway.host} gives the pinhole no id", hint=SWITCH_ON)
        return identity
