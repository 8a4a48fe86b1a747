"""NAT-PMP messages (RFC 6886), sans-IO."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from bitboot_core import Transport

PORT = 5351
"""Where routers listen, for PCP too."""

VERSION = 0
EXTERNAL_ADDRESS = 0
MAP = {"udp": 1, "tcp": 2}
RESPONSE = 128

RESULTS = {
    1: "it does not speak NAT-PMP",
    2: "it refuses: opening ports is switched off there",
    3: "it has no outside address itself",
    4: "it has no ports left",
    5: "it cannot open ports",
}
"""Section 3.5."""


@dataclass(frozen=True, slots=True)
class Address:
    """The answer to a request for the outside address. `result`: 0, or why not (RESULTS)."""

    result: int
    epoch: int
    host: str


@dataclass(frozen=True, slots=True)
class Mapped:
    """The answer to a request to map a port. `lifetime`: seconds."""

    result: int
    epoch: int
    port: int
    outside_port: int
    lifetime: int


def address_request() -> bytes:
    """Ask for the outside address (section 3.2)."""
    return bytes([VERSION, EXTERNAL_ADDRESS])


def map_request(transport: Transport, port: int, outside_port: int, lifetime: int) -> bytes:
    """Ask for a port (section 3.3). A lifetime of 0 deletes; the outside port is 0 then (section 3.4)."""
    return struct.pack("!BBHHHI", VERSION, MAP[transport], 0, port, outside_port, lifetime)


def read_address(datagram: bytes) -> Address | None:
    """The answer to `address_request`, None where it is none."""
    if len(datagram) < 8 or datagram[:2] != bytes([VERSION, RESPONSE + EXTERNAL_ADDRESS]):
        return None
    result, epoch = struct.unpack_from("!HI", datagram, 2)
    if result:
        return Address(result, epoch, "")
    if len(datagram) < 12:
        return None
    return Address(0, epoch, str(ipaddress.IPv4Address(datagram[8:12])))


def read_mapped(datagram: bytes, transport: Transport, port: int) -> Mapped | None:
    """The answer to `map_request` for this port, None where it is none, or one to another request."""
    if len(datagram) < 8 or datagram[:2] != bytes([VERSION, RESPONSE + MAP[transport]]):
        return None
    result, epoch = struct.unpack_from("!HI", datagram, 2)
    if len(datagram) < 16:  # some leave the rest out where they refuse
        return Mapped(result, epoch, port, 0, 0) if result else None
    answered, outside_port, lifetime = struct.unpack_from("!HHI", datagram, 8)
    return Mapped(result, epoch, port, outside_port, lifetime) if answered == port else None
