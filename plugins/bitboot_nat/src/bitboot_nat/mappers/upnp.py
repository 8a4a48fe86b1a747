"""UPnP IGD 1 and 2 for IPv4: the services WANIPConnection and WANPPPConnection."""

from __future__ import annotations

import ipaddress
import math
import random
from collections.abc import Callable, Mapping, Sequence

from bitboot_core import KnownHost, NoRouterAnswered, PortGrant, PortMapper, PortMappingFailed, PortRequest

from ..gateway import Gateway, default_gateways
from ..igd import Device, find
from ..racing import first
from ..wire import soap, ssdp
from ..wire.description import CONNECTIONS

NO_SUCH_ENTRY = 714

CONFLICTS = {718, 501}
"""ConflictInMappingEntry; ActionFailed, which some routers say in its place."""

ONLY_PERMANENT = {725, 402}
"""OnlyPermanentLeasesSupported; InvalidArgs, which some routers say in its place."""

SAME_PORTS = 724
"""SamePortValuesRequired."""

TRIES = 4
"""How many other outside ports are tried where somebody has the one wanted."""


class UpnpMapper(PortMapper):
    """Asks the default gateway, and nobody else."""

    def __init__(
        self,
        gateways: Callable[[int], Sequence[Gateway]] = default_gateways,
        *,
        port: int = ssdp.PORT,
        group: str | None = None,
        chance: random.Random | None = None,
    ) -> None:
        """`port` and `group`: where searches are sent, for tests."""
        self._gateways, self._port, self._group = gateways, port, group
        self._random = random.Random() if chance is None else chance
        self._device: Device | None = None
        self._opened: dict[tuple[str, int], int] = {}  # outside ports, by transport and port inside

    async def probe(self, family: int) -> KnownHost:
        """Find the router's description, the service in it that maps ports, and the outside address."""
        self._device, outside = await first(self._gateways(family), self._found)
        return KnownHost(outside, 0)

    async def map(self, request: PortRequest) -> PortGrant:
        """AddPortMapping, at the port wanted or, where that is somebody else's, at another one."""
        device = self._asked()
        try:
            outside_port, lifetime = await self._opened_at(device, request)
            listed = await self._listed(device, request, outside_port)
            outside = await _outside(device)
        except soap.Fault as fault:
            raise device.refusal(fault) from None
        if listed is not None and not _leads_to(listed, device.own, request.port):
            raise PortMappingFailed(
                f"{device.gateway.host} says that it has opened the port, and lists it for somebody else",
                hint="update the router's software",
            )
        self._opened[request.transport, request.port] = outside_port
        return PortGrant(KnownHost(outside, outside_port), float(lifetime) if lifetime else math.inf)

    async def unmap(self, request: PortRequest, outside_port: int) -> None:
        """DeletePortMapping, where it leads to this machine."""
        self._opened.pop((request.transport, request.port), None)
        device = self._asked()
        listed = await self._listed(device, request, outside_port)
        if listed is not None and not _leads_to(listed, device.own, request.port):
            return
        try:
            await device.call("DeletePortMapping", _which(request, outside_port))
        except soap.Fault as fault:
            if fault.code != NO_SUCH_ENTRY:
                raise device.refusal(fault) from None

    async def check(self, request: PortRequest, grant: PortGrant) -> bool:
        """Whether it is listed, for this machine, and the outside address is the same."""
        device = self._asked()
        try:
            if await _outside(device) != grant.outside.host:
                return False
            entry = await device.call("GetSpecificPortMappingEntry", _which(request, grant.outside.port))
        except soap.Fault as fault:
            return fault.code != NO_SUCH_ENTRY  # others mean that it cannot be asked
        is_on = entry.get("NewEnabled", "1") in {"1", "true", "yes"}
        return is_on and _leads_to(entry, device.own, request.port)

    async def aclose(self) -> None:
        """Nothing stays open between two calls."""

    # Inside

    def _asked(self) -> Device:
        if self._device is None:
            raise NoRouterAnswered("no router has answered yet", hint="probe first")
        return self._device

    async def _found(self, gateway: Gateway) -> tuple[Device, str]:
        """Of a gateway's services the connected one, and its outside address, "" where it has none."""
        devices = await find(gateway, CONNECTIONS, port=self._port, group=self._group)
        failure: PortMappingFailed | None = None
        answered: Device | None = None
        for device in devices:
            try:
                if outside := await _outside(device):
                    return device, outside
                answered = answered or device
            except soap.Fault as fault:
                failure = device.refusal(fault)
            except PortMappingFailed as error:
                failure = error
        if answered is None and failure is not None:
            raise failure
        return answered or devices[0], ""

    async def _opened_at(self, device: Device, request: PortRequest) -> tuple[int, int]:
        """Open it. The outside port, and the lifetime, 0 where it is permanent. Raises soap.Fault."""
        wanted, lifetime, tries = request.outside_port, round(request.lifetime), TRIES
        while True:
            try:
                if self._opened.get((request.transport, request.port)) != wanted:
                    await self._make_room(device, request, wanted)
                await device.call(
                    "AddPortMapping",
                    {
                        **_which(request, wanted),
                        "NewInternalPort": request.port,
                        "NewInternalClient": device.own,
                        "NewEnabled": 1,
                        "NewPortMappingDescription": f"bitboot {request.port}",
                        "NewLeaseDuration": lifetime,
                    },
                )
            except soap.Fault as fault:
                if fault.code in ONLY_PERMANENT and lifetime:
                    lifetime = 0
                elif fault.code == SAME_PORTS and wanted != request.port:
                    wanted = request.port
                elif fault.code in CONFLICTS and tries:
                    tries, wanted = tries - 1, self._random.randrange(20_000, 60_000)
                else:
                    raise
            else:
                return wanted, lifetime

    async def _make_room(self, device: Device, request: PortRequest, outside_port: int) -> None:
        """Delete what an earlier run has left; raise soap.Fault where the port is somebody else's.

        Some routers list such an entry and forward nothing to it until it is deleted and added. Others let
        anybody take over what is another machine's.
        """
        entry = await self._listed(device, request, outside_port)
        if entry is None:
            return
        if not _leads_to(entry, device.own, request.port):
            raise soap.Fault(718, f"port {outside_port} is another machine's, or another program's")
        await device.call("DeletePortMapping", _which(request, outside_port))

    async def _listed(self, device: Device, request: PortRequest, outside_port: int) -> dict[str, str] | None:
        """What the router lists for an outside port, None where nothing, or where it does not tell."""
        try:
            return await device.call("GetSpecificPortMappingEntry", _which(request, outside_port))
        except NoRouterAnswered:
            raise
        except (soap.Fault, PortMappingFailed):
            return None


async def _outside(device: Device) -> str:
    """The outside address, "" where the router does not know it. Raises soap.Fault."""
    found = (await device.call("GetExternalIPAddress")).get("NewExternalIPAddress", "")
    try:
        address = ipaddress.IPv4Address(found)
    except ValueError:
        return ""
    return "" if address.is_unspecified else str(address)


def _which(request: PortRequest, outside_port: int) -> dict[str, str | int]:
    """The port that is meant. Never 0, which means all ports. Some know protocols in upper case only."""
    return {
        "NewRemoteHost": "",
        "NewExternalPort": outside_port,
        "NewProtocol": request.transport.upper(),
    }


def _leads_to(entry: Mapping[str, str], own: str, port: int) -> bool:
    return entry.get("NewInternalClient") == own and entry.get("NewInternalPort") == str(port)
