"""Addresses and contacts in BEP 5's compact form, which is how the node keeps them throughout.

An `Address` is the bytes of an IP followed by its port, big-endian: 6 bytes for IPv4, 18 for IPv6
(BEP 32). A node's compact info is its 20-byte id followed by its address: 26 or 38 bytes. Kept as
bytes they are small, hash quickly, and go into replies as they are; only the socket's rim turns
them into text.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

from bitboot_core import KnownHost
from bitboot_core.model import address_scope

Address: TypeAlias = bytes
"""A compact endpoint: 6 bytes (IPv4) or 18 bytes (IPv6)."""

NodeInfo: TypeAlias = tuple[bytes, Address]
"""A node's id and its address."""

ID_BYTES: Final = 20
ADDRESS_BYTES: Final = {4: 6, 6: 18}
INFO_BYTES: Final = {family: ID_BYTES + size for family, size in ADDRESS_BYTES.items()}
_NO_PORT: Final = b"\0\0"
_V4_MAPPED = b"\0" * 10 + b"\xff\xff"


@lru_cache(maxsize=8192)
def pack(host: str, port: int) -> Address:
    """Text to compact. Raises ValueError where `host` is not an IP address."""
    try:
        packed = socket.inet_aton(host) if host.count(".") == 3 and ":" not in host else None
    except OSError as error:
        raise ValueError(f"{host!r} is not an IP address") from error
    if packed is None:
        packed = ipaddress.ip_address(host).packed
        if packed.startswith(_V4_MAPPED) and len(packed) == 16:
            packed = packed[12:]
    return packed + port.to_bytes(2, "big")


@lru_cache(maxsize=8192)
def unpack(address: Address) -> tuple[str, int]:
    """Compact to (host, port), as sockets want them."""
    ip = address[:-2]
    host = socket.inet_ntoa(ip) if len(ip) == 4 else socket.inet_ntop(socket.AF_INET6, ip)
    return host, int.from_bytes(address[-2:], "big")


@lru_cache(maxsize=8192)
def known_host(address: Address) -> KnownHost:
    """Compact to the core's KnownHost."""
    return KnownHost(*unpack(address))


def family(address: Address) -> int:
    """4 or 6."""
    return 4 if len(address) == 6 else 6


def port(address: Address) -> int:
    """The port of a compact address."""
    return int.from_bytes(address[-2:], "big")


def with_port(address: Address, new_port: int) -> Address:
    """The same IP with another port."""
    return address[:-2] + new_port.to_bytes(2, "big")


def is_usable(address: Address) -> bool:
    """Whether anyone can be reached there: no port 0, no multicast, no "any" address."""
    return len(address) in (6, 18) and width(address) > 0


@lru_cache(maxsize=4096)
def scope(ip: bytes) -> str | None:
    """ "public", "private" or "loopback"; None for an IP that names no single host.

    A contact's scope may be no narrower than that of the node that told us of it: a stranger on
    the internet has no business sending us to 127.0.0.1 or to our own LAN.
    """
    if len(ip) == 4 and _WIDTH_BY_FIRST[ip[0]] == _PUBLIC:
        return "public"
    parsed = ipaddress.ip_address(ip)
    if parsed.is_multicast or parsed.is_unspecified or (parsed.version == 4 and (ip[0] == 0 or ip[0] >= 240)):
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return None
    reach = address_scope(ip)
    return "loopback" if reach == "machine" else "public" if reach == "public" else "private"


_PUBLIC: Final = 3
_WIDTH: Final = {None: 0, "loopback": 1, "private": 2, "public": _PUBLIC}
_DIVIDED: Final = (10, 100, 169, 172, 192, 198, 203)
_SEVERAL: Final = -1
_WIDTH_BY_FIRST: Final = tuple(
    0 if first == 0 or first >= 224 else 1 if first == 127 else _SEVERAL if first in _DIVIDED else _PUBLIC
    for first in range(256)
)
"""The widths of IPv4 addresses with this first byte, whatever follows. Nearly all are told by it, without the
cache, which many nodes' addresses would have no room in."""


def width(address: Address) -> int:
    """From how far an address can be reached, as a number to compare: see `scope`. 0: nobody can be there."""
    by_first = _WIDTH_BY_FIRST[address[0]] if len(address) == 6 else _SEVERAL
    if by_first == _SEVERAL:
        return _other_width(address)
    return by_first if address[4] or address[5] else 0


@lru_cache(maxsize=4096)
def _other_width(address: Address) -> int:
    return 0 if address.endswith(_NO_PORT) else _WIDTH[scope(address[:-2])]


def may_introduce(teller: Address, told: Address) -> bool:
    """Whether a node at `teller` can be believed to know one at `told`: see `scope`."""
    return 0 < width(teller) <= width(told)


def is_public(address: Address) -> bool:
    """Whether the whole internet can reach it. Machines of one local network share a subnet, and programs
    of one machine an address, by nature: limits on what shares these are for public addresses alone."""
    by_first = _WIDTH_BY_FIRST[address[0]] if len(address) == 6 else _SEVERAL
    return _is_other_public(address) if by_first == _SEVERAL else by_first == _PUBLIC


@lru_cache(maxsize=4096)
def _is_other_public(address: Address) -> bool:
    return scope(address[:-2]) == "public"


def subnet(address: Address) -> bytes:
    """What counts as one neighbourhood: the /24 of an IPv4 address, the /64 of an IPv6 one."""
    return address[:3] if len(address) == 6 else address[:8]


def pack_nodes(nodes: Iterable[NodeInfo]) -> bytes:
    """Compact node info (BEP 5, "Contact Encoding"): ids and addresses, one after another."""
    return b"".join([part for node in nodes for part in node])


def node_infos(data: object, ip_family: int, limit: int) -> bytes:
    """The first `limit` nodes in compact node info, as they stand there, whether usable or not."""
    if not isinstance(data, bytes):
        return b""
    size = INFO_BYTES[ip_family]
    return data[: min(len(data) // size, limit) * size]


def unpack_nodes(data: object, ip_family: int, limit: int) -> list[NodeInfo]:
    """The same as (id, address) pairs."""
    infos, size = node_infos(data, ip_family, limit), INFO_BYTES[ip_family]
    return [
        (infos[start : start + ID_BYTES], infos[start + ID_BYTES : start + size])
        for start in range(0, len(infos), size)
    ]


def unpack_peers(values: object, limit: int, least: int = 1) -> list[Address]:
    """The endpoints in a reply's `values`, of either family (BEP 32), of at least this `width`.

    Of so many at most, from the first on.
    """
    if not isinstance(values, list):
        return []
    return [
        value
        for value in values[:limit]
        if isinstance(value, bytes) and len(value) in (6, 18) and width(value) >= least
    ]
