"""A router as a UPnP device: found, its services read, and called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bitboot_core import NoRouterAnswered, PortMappingFailed

from .gateway import Gateway
from .http import fetch
from .searching import search
from .wire import soap
from .wire.description import Service, read_services
from .wire.xml import Refused

SWITCH_ON = "allow UPnP in the router's settings"

Arguments = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Device:
    """One service of a router. `own`: this machine's address on the way to it, which is asked from."""

    gateway: Gateway
    own: str
    service: Service

    async def call(self, action: str, arguments: Arguments | None = None) -> dict[str, str]:
        """Call an action. Raises soap.Fault where the router says no, else what `fetch` does."""
        headers, body = soap.call(self.service.kind, action, arguments or {})
        _, answer = await fetch(self.service.control, headers=headers, body=body, own=self.own)
        try:
            return soap.read_answer(action, answer)
        except Refused as error:
            raise PortMappingFailed(
                f"{self.gateway.host} answers {action} with what is not read: {error}", hint=SWITCH_ON
            ) from error

    def refusal(self, fault: soap.Fault) -> PortMappingFailed:
        """What a fault is to the core."""
        return PortMappingFailed(f"{self.gateway.host} says: {fault}", hint=SWITCH_ON)


async def find(gateway: Gateway, kinds: Sequence[str], *, port: int, group: str | None) -> list[Device]:
    """The services of these kinds that a gateway has, at least one.

    `port` and `group`: where it is searched for. Raises NoRouterAnswered, and PortMappingFailed where its
    description makes no sense.
    """
    own = gateway.own_address()
    if own is None:
        raise NoRouterAnswered(f"no way leads to {gateway.host}", hint="check that this machine is online")
    location = await search(gateway, own, port=port, group=group)
    status, body = await fetch(location, own=own)
    try:
        services = read_services(body, location) if status == 200 else []
    except Refused as error:
        raise PortMappingFailed(
            f"{gateway.host} describes itself in what is not read: {error}",
            hint="update the router's software",
        ) from error
    devices = [Device(gateway, own, service) for service in services if service.kind in kinds]
    if not devices:
        raise NoRouterAnswered(f"{gateway.host} speaks UPnP, and opens no ports by it", hint=SWITCH_ON)
    return devices
