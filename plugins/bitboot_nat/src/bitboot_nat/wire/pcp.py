"""PCP messages (RFC 6887), sans-IO: ANNOUNCE, which asks for nothing, and MAP."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from bitboot_core import Transport

VERSION = 2
ANNOUNCE, MAP = 0, 1
RESPONSE = 0x80
NONCE_BYTES = 12
MAX_BYTES = 1100
"""Section 7: the longest message."""

PROTOCOLS = {"tcp": 6, "udp": 17}

UNSUPPORTED_VERSION = 1

RESULTS = {
    1: "it does not speak PCP version 2",
    2: "it refuses: opening ports is switched off there",
    3: "it cannot read the request",
    4: "it cannot do that",
    5: "it cannot do that",
    6: "it cannot read the request",
    7: "it has no outside address itself",
    8: "it has no ports left",
    9: "it cannot open ports for this protocol",
    10: "this machine has its share of ports already",
    11: "it cannot give that port",
    12: "another NAT stands between this machine and it",
    13: "it cannot do that for so many",
}
"""Section 7.4."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer's header says. `result`: 0, or why not (RESULTS). `lifetime` and `epoch`: seconds."""

    result: int
    lifetime: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Mapped(Answer):
    """The answer to a MAP request. `host`: the outside address, "" where the router says none."""

    outside_port: int
    host: str


def announce_request(own: str) -> bytes:
    """Ask for nothing but a sign of life (section 14.1). `own`: the address that it is sent from."""
    return _header(ANNOUNCE, own, 0)


def map_request(
    own: str,
    nonce: bytes,
    transport: Transport,
    port: int,
    *,
    outside_port: int,
    lifetime: int,
    outside: str,
) -> bytes:
    """Ask for a port (section 11.1). A lifetime of 0 deletes (section 15). `outside`: the address wanted.

    `nonce`: 12 bytes, the same whenever it is about the same port: who does not know them cannot answer.
    """
    body = struct.pack("!12sB3xHH16s", nonce, PROTOCOLS[transport], port, outside_port, _packed(outside))
    return _header(MAP, own, lifetime) + body


def read_announced(datagram: bytes) -> Answer | None:
    """The answer to `announce_request`, None where it is none."""
    return _read_header(datagram, ANNOUNCE)


def read_mapped(datagram: bytes, nonce: bytes, transport: Transport, port: int) -> Answer | None:
    """The answer to `map_request` with this nonce; None where it is none, or one to another request.

    A Mapped where the port is open, else an Answer with what the router says against it.
    """
    header = _read_header(datagram, MAP)
    if header is None or header.result == UNSUPPORTED_VERSION:
        return header
    if len(datagram) < 60:
        return None
    told, protocol, answered, outside_port, host = struct.unpack_from("!12sB3xHH16s", datagram, 24)
    if (told, protocol, answered) != (nonce, PROTOCOLS[transport], port):
        return None
    if header.result:
        return header
    return Mapped(0, header.lifetime, header.epoch, outside_port, _unpacked(host))


def _header(opcode: int, own: str, lifetime: int) -> bytes:
    return struct.pack("!BBxxI16s", VERSION, opcode, lifetime, _packed(own))


def _read_header(datagram: bytes, opcode: int) -> Answer | None:
    if datagram[:2] == bytes([0, RESPONSE]) and len(datagram) >= 8:
        # A router that speaks NAT-PMP alone answers in that (RFC 6886, section 3.5; RFC 6887, section 9).
        result, epoch = struct.unpack_from("!HI", datagram, 2)
        return Answer(UNSUPPORTED_VERSION, 0, epoch) if result == UNSUPPORTED_VERSION else None
    if not 24 <= len(datagram) <= MAX_BYTES or len(datagram) % 4 or datagram[1] != RESPONSE | opcode:
        return None
    result, lifetime, epoch = struct.unpack_from("!BII", datagram, 3)
    if datagram[0] != VERSION and result != UNSUPPORTED_VERSION:
        return None
    return Answer(result, lifetime, epoch)


def _packed(address: str) -> bytes:
    """Sixteen bytes; an IPv4 address is mapped into IPv6 (section 5)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return ip.packed if ip.version == 6 else b"\0" * 10 + b"\xff\xff" + ip.packed


def _unpacked(packed: bytes) -> str:
    ip = ipaddress.IPv6Address(packed)
    found = ip.ipv4_mapped or ip
    return "" if found.is_unspecified else str(found)
