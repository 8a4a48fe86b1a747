"""Which router this machine is behind: its default gateways.

Linux tells them in files. Elsewhere they are guessed, since asking would take another program or the
system's own libraries: the first and the last address of our network, taken to be a /24, as home routers
have it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MAX_GATEWAYS = 4
"""As many are asked: a machine with Wi-Fi and a cable has two, and a router may listen on one of them."""

_RTF_UP_GATEWAY = 0x1 | 0x2
"""linux/route.h: the route is usable, and leads through a gateway."""

_FILES = {4: Path("/proc/net/route"), 6: Path("/proc/net/ipv6_route")}
_NOWHERE = {4: "192.0.2.1", 6: "2001:db8::1"}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass(frozen=True, slots=True)
class Gateway:
    """A router to ask.

    `host`: its address, with a zone where it is link-local. `is_sure`: whether it was told, not guessed.
    """

    host: str
    is_sure: bool = True

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.host else 4

    def at(self, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
        """Its address as sockets take it."""
        if self.family == 4:
            return self.host, port
        host, _, zone = self.host.partition("%")
        return host, port, 0, _zone_id(zone)

    def own_address(self) -> str | None:
        """This machine's address on the way to it, None where there is no way. Sends nothing.

        Of IPv6 it is the one on the way out: a port of a link-local address is of no use to others.
        """
        with contextlib.suppress(OSError), socket.socket(FAMILIES[self.family], socket.SOCK_DGRAM) as probe:
            is_local = self.family == 6 and ipaddress.IPv6Address(self.host.partition("%")[0]).is_link_local
            probe.connect((_NOWHERE[6], 9) if is_local else self.at(9))
            return str(probe.getsockname()[0]).partition("%")[0]
        return None


def default_gateways(family: int, files: dict[int, Path] | None = None) -> list[Gateway]:
    """The routers that lead out of here, the one in use first; guessed where the system does not tell."""
    try:
        text = (files or _FILES)[family].read_text("ascii", "replace")
    except OSError:
        return _guessed(family)
    found = read_ipv4_routes(text) if family == 4 else read_ipv6_routes(text)
    return [Gateway(host) for host in found[:MAX_GATEWAYS]]


def read_ipv4_routes(text: str) -> list[str]:
    """The default gateways in Linux's /proc/net/route, by metric."""
    found = []
    for words in map(str.split, text.splitlines()[1:]):
        with contextlib.suppress(ValueError, IndexError):
            destination, gateway, flags, metric, mask = (
                int(words[1], 16),
                int(words[2], 16),
                int(words[3], 16),
                int(words[6]),
                int(words[7], 16),
            )
            if destination == mask == 0 and gateway and flags & _RTF_UP_GATEWAY == _RTF_UP_GATEWAY:
                found.append((metric, str(ipaddress.IPv4Address(gateway.to_bytes(4, sys.byteorder)))))
    return _ordered(found)


def read_ipv6_routes(text: str) -> list[str]:
    """The default gateways in Linux's /proc/net/ipv6_route, by metric, each with its zone."""
    found = []
    for words in map(str.split, text.splitlines()):
        with contextlib.suppress(ValueError, IndexError):
            gateway = ipaddress.IPv6Address(bytes.fromhex(words[4]))
            is_default = int(words[0], 16) == 0 and int(words[1], 16) == 0
            flags = int(words[8], 16)
            if is_default and int(gateway) and flags & _RTF_UP_GATEWAY == _RTF_UP_GATEWAY:
                zone = f"%{words[9]}" if gateway.is_link_local else ""
                found.append((int(words[5], 16), f"{gateway}{zone}"))
    return _ordered(found)


def _ordered(found: Iterable[tuple[int, str]]) -> list[str]:
    return list(dict.fromkeys(host for _, host in sorted(found, key=lambda one: one[0])))


def _guessed(family: int) -> list[Gateway]:
    """For IPv6 there is no guessing: gateways are link-local, with any address."""
    if family != 4:
        return []
    own = Gateway(_NOWHERE[4]).own_address()
    if own is None:
        return []
    network = ipaddress.IPv4Network(f"{own}/24", strict=False)
    if not network.is_private:
        return []
    return [Gateway(str(host), is_sure=False) for host in (network[1], network[254]) if str(host) != own]


def _zone_id(zone: str) -> int:
    if not zone:
        return 0
    return int(zone) if zone.isdigit() else socket.if_nametoindex(zone)
