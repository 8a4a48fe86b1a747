"""Endpoints as binary multiaddrs, and back (https://github.com/multiformats/multiaddr).

What comes from strangers is read here by hand, not by the library: only what can be an endpoint of
TCP or UDP is understood, nothing raises but ValueError, and no text is parsed.
"""

from __future__ import annotations

import ipaddress
import re

from bitboot_core import InvalidEndpoint, KnownHost

IP4, IP6, TCP, UDP, P2P = 0x04, 0x29, 0x06, 0x0111, 0x01A5
NAMES = frozenset({0x35, 0x36, 0x37})
"""dns, dns4, dns6"""

MAX_BYTES = 512
"""A multiaddr that is longer is not looked at."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def pack(host: KnownHost) -> bytes:
    """`host` as a multiaddr of TCP, without its peer id."""
    if host.family is not None:
        kind, packed = (IP4 if host.family == 4 else IP6), ipaddress.ip_address(host.host).packed
    else:
        name = host.host.encode("idna")
        kind, packed = 0x35, varint(len(name)) + name
    return varint(kind) + packed + varint(TCP) + host.port.to_bytes(2, "big")


def unpack(data: bytes, peer_id: str | None = None) -> KnownHost:
    """The endpoint that a multiaddr begins with. Raises ValueError where it is none that can be reached."""
    if len(data) > MAX_BYTES:
        raise ValueError("too long")
    kind, at = read_varint(data, 0)
    if kind in (IP4, IP6):
        size = 4 if kind == IP4 else 16
        packed, at = data[at : at + size], at + size
        host = str(ipaddress.ip_address(packed))
    elif kind in NAMES:
        size, at = read_varint(data, at)
        host, at = data[at : at + size].decode("ascii"), at + size
        if not _NAME.fullmatch(host):
            raise ValueError("not a name")
    else:
        raise ValueError("not a host")
    protocol, at = read_varint(data, at)
    port, rest = data[at : at + 2], data[at + 2 :]
    if protocol not in (TCP, UDP) or len(port) != 2:
        raise ValueError("not a port")
    if rest and read_varint(rest, 0)[0] != P2P:
        raise ValueError("not a plain endpoint")  # QUIC, WebSocket, a relay ...
    try:
        endpoint = KnownHost(host, int.from_bytes(port, "big"), peer_id)
    except InvalidEndpoint as error:
        raise ValueError(str(error)) from error
    if endpoint.is_any or not endpoint.port:
        raise ValueError("nobody can be reached there")
    return endpoint


def varint(number: int) -> bytes:
    """An unsigned varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The unsigned varint that begins at `at`, and where it ends. Raises ValueError."""
    number = 0
    for place in range(5):
        if at + place >= len(data):
            raise ValueError("it ends in a number")
        byte = data[at + place]
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, at + place + 1
    raise ValueError("a number that is too large")
