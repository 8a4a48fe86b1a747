"""The zones of link-local IPv6 addresses (RFC 4007): which network interface leads to them."""

from __future__ import annotations

import socket

from ..model import KnownHost
from .logs import logger

Address = tuple[str, int]
"""An IP address, without a zone, and a port."""

MAX_ZONES = 1_024
"""Addresses whose zones are kept in mind: neighbours on the links, and whoever forges them."""

log = logger(__name__)


class Zones:
    """The interface of each link-local neighbour, as last heard or told of."""

    def __init__(self, default: int) -> None:
        """`default`: the number of the interface to use before any neighbour is known, 0 for none."""
        self._last = default
        self._known: dict[Address, int] = {}

    def remember(self, contact: KnownHost) -> None:
        """Note the zone in "fe80::1%eth0". Nothing happens for an address without one."""
        host, _, zone = contact.host.partition("%")
        if zone:
            try:
                self._keep((host, contact.port), zone_id(zone))
            except OSError as error:
                log.debug("%s: there is no such interface: %s", contact, error)

    def known_host(self, address: Address) -> KnownHost:
        """An address with its zone, where it is known to need one."""
        return with_zone(address, self._known.get(address, 0))

    def take(self, sender: tuple[str, int, int, int]) -> Address:
        """The address of whoever sent a datagram, as `recvfrom` tells it; its zone is noted."""
        host, port, _, zone = sender
        if zone:
            host = host.partition("%")[0]
            self._keep((host, port), zone)
        return host, port

    def target(self, address: Address) -> tuple[str, int, int, int] | Address:
        """As `sendto` wants it. A neighbour that is not known is looked for where the last one was."""
        if address[0].startswith(("fe8", "fe9", "fea", "feb")):  # fe80::/10
            return (*address, 0, self._known.get(address, self._last))
        return address

    def _keep(self, address: Address, zone: int) -> None:
        self._last = zone
        self._known.pop(address, None)
        self._known[address] = zone
        if len(self._known) > MAX_ZONES:
            del self._known[next(iter(self._known))]


def zone_id(zone: str) -> int:
    """The number of an interface, by its name or number; 0 for "". Raises OSError where there is none."""
    return int(zone) if zone.isdecimal() else socket.if_nametoindex(zone) if zone else 0


def with_zone(address: Address, zone: int) -> KnownHost:
    """An address on the interface of that number, 0 for none."""
    if not zone:
        return KnownHost(*address)
    try:
        name = socket.if_indextoname(zone)
    except OSError:
        name = str(zone)  # it is gone
    return KnownHost(f"{address[0]}%{name}", address[1])
