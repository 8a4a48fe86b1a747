"""This machine's network interfaces: which of its addresses are on a network with neighbours."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import ifaddr

from bitboot_core import KnownHost

MAX_ADDRESSES = 32
"""Addresses that are announced, all interfaces together."""

MAX_PER_INTERFACE = 4
"""Addresses of one interface and IP version: a machine may have any number of temporary IPv6 ones."""

_ANY_OF = {"0.0.0.0": 4, "::": 6}

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """One of our addresses. `host`: without a zone. `interface`: its number; `name`: for people."""

    interface: int
    host: str
    prefix: int
    name: str = ""

    @property
    def family(self) -> int:
        """The IP version."""
        return 6 if ":" in self.host else 4

    @property
    def is_link_local(self) -> bool:
        """Whether it is of use on this link only, and with its zone."""
        return ipaddress.ip_address(self.host).is_link_local

    def endpoint(self, port: int) -> KnownHost:
        """A port at this address."""
        if not self.is_link_local or self.family == 4:
            return KnownHost(self.host, port)
        try:
            zone = socket.if_indextoname(self.interface)
        except OSError:
            zone = str(self.interface)  # it is gone
        return KnownHost(f"{self.host}%{zone}", port)

    @property
    def network(self) -> IPNetwork:
        """The network that it is on."""
        return ipaddress.ip_network(f"{self.host}/{self.prefix}", strict=False)


@dataclass(frozen=True, slots=True)
class Interfaces:
    """What is used: the addresses that are announced, and the networks whose machines are heard."""

    addresses: tuple[Address, ...] = ()
    networks: frozenset[IPNetwork] = frozenset()

    def is_neighbour(self, host: str) -> bool:
        """Whether an IP address is on a network of ours. Its zone does not count. Raises nothing."""
        try:
            ip = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return any(ip.version == network.version and ip in network for network in self.networks)

    def standing_for(self, host: str) -> list[Address]:
        """Our addresses that a host stands for: itself, all ("") or all of an IP version (0.0.0.0, ::)."""
        if not host:
            return list(self.addresses)
        if host in _ANY_OF:
            return [address for address in self.addresses if address.family == _ANY_OF[host]]
        return [address for address in self.addresses if address.host == host.partition("%")[0]]


def choose(found: Iterable[Address], only: str | None = None) -> Interfaces:
    """Of all addresses of this machine those to use; of one alone with `only`.

    Loopback serves where there is nothing else, so that two programs on one machine meet without a network.
    An address that is alone on its network (a tunnel's, of 32 or 128 bits) has no neighbours, and whoever is
    at the other end of a tunnel need not hear of our swarms. Link-local addresses are used where an interface
    has no wider one: nearly all have one of IPv6, and it would only make two peers of each.
    """
    only = None if only is None else only.partition("%")[0]
    usable = [one for one in found if _has_neighbours(one) and (only is None or one.host == only)]
    if only is None:
        usable = [one for one in usable if not _ip(one).is_loopback] or [
            one for one in usable if one.family == 4
        ]
    wide = {one.interface for one in usable if not one.is_link_local}
    by_interface: dict[tuple[int, int], list[Address]] = {}
    for one in usable:
        if not (one.is_link_local and one.interface in wide):
            by_interface.setdefault((one.interface, one.family), []).append(one)
    chosen = [one for same in by_interface.values() for one in same[:MAX_PER_INTERFACE]]
    networks = frozenset(one.network for one in usable)
    return Interfaces(tuple(sorted(chosen[:MAX_ADDRESSES])), networks)


def look() -> Sequence[Address]:
    """All addresses of this machine. It may block for some milliseconds. Raises OSError."""
    found = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            host = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            name = str(adapter.nice_name)
            index = adapter.index or _index(adapter.name)
            found.append(Address(index, host.partition("%")[0], ip.network_prefix, name))
    return found


def _index(name: str | bytes) -> int:
    try:
        return socket.if_nametoindex(name if isinstance(name, str) else name.decode(errors="replace"))
    except OSError:
        return 0


def _ip(address: Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(address.host)


def _has_neighbours(address: Address) -> bool:
    ip = _ip(address)
    if ip.is_loopback:
        return True
    return address.network.num_addresses > 2 and not (ip.is_multicast or ip.is_unspecified)
