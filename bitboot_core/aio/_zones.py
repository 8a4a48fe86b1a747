"""The zones of link-local IPv6 addresses (RFC 4007): which network interface leads to them."""

from __future__ import annotations

import socket

MAX_ZONES = 1_024
"""Addresses whose zones are kept in mind: neighbours on the links, and whoever forges them."""


class Zones:
    """The interface of each link-local neighbour, as last heard or told of."""

    def __init__(self, default: int) -> None:
        """`default`: the number of the interface to use before any neighbour is known, 0 for none."""
        self._last = default
        self._known: dict[tuple[str, int], int] = {}

    def keep(self, host: str, port: int, zone: int) -> None:
        """A neighbour is on the interface of that number."""
        self._last = zone
        self._known.pop((host, port), None)
        self._known[host, port] = zone
        if len(self._known) > MAX_ZONES:
            del self._known[next(iter(self._known))]

    def get(self, address: tuple[str, int]) -> int:
        """The number of a neighbour's interface, 0 where it is not known."""
        return self._known.get(address, 0)

    def guess(self, address: tuple[str, int]) -> int:
        """The same, but whoever is not known is looked for where the last neighbour was."""
        return self._known.get(address, self._last)


def zone_id(zone: str) -> int:
    """The number of an interface, by its name or number; 0 for "". Raises OSError where there is none."""
    return int(zone) if zone.isdecimal() else socket.if_nametoindex(zone) if zone else 0


def zone_name(number: int) -> str:
    """The name of an interface; its number where it has none any more."""
    try:
        return socket.if_indextoname(number)
    except OSError:
        return str(number)
