"""How endpoints, nodes and records look inside the messages: bytes, packed one after another.

    endpoint    04 + IPv4 (4) + port (2), or 06 + IPv6 (16) + port (2), or 00 + length (1) + name + port (2)
    node        id (20) + IP (4 or 16, by the family of the socket) + port (2)
    record      commitment (16) + seconds left (2) + 00, or 01 + secret (16) where withdrawn + endpoint

An endpoint with an empty name is the node that tells of it, wherever it is seen: a node that listens
everywhere does not know its own address. Whoever hears of it fills in the address that it asked.
Numbers are big-endian. Whatever reads these raises ValueError for anything else.
"""

from __future__ import annotations

import socket
from typing import NamedTuple

from bitboot_core import KnownHost

Address = tuple[str, int]
"""A node's IP address and port."""

ID_BYTES = 20
SECRET_BYTES = 16
COMMITMENT_BYTES = 16

_ITSELF = b"\x00\x00"
_LOOPBACK_6 = bytes(15) + b"\x01"
_IP_BYTES = {4: 4, 6: 16}
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


class HandedRecord(NamedTuple):
    """A record on its way from one node to another. `lifetime`: whole seconds that are left."""

    commitment: bytes
    lifetime: int
    secret: bytes | None
    endpoint: bytes


def pack_endpoint(endpoint: KnownHost) -> bytes:
    """Raises ValueError for a name of more than 255 bytes."""
    port = endpoint.port.to_bytes(2, "big")
    for family, kind in _FAMILIES.items():
        try:
            return bytes((family,)) + socket.inet_pton(kind, endpoint.host) + port
        except (OSError, ValueError):
            pass  # not an address of that family
    name = endpoint.host.encode()
    if len(name) > 255:
        raise ValueError(f"a host name of {len(name)} bytes is too long to be announced")
    return bytes((0, len(name))) + name + port


def pack_reachable(endpoint: KnownHost) -> bytes:
    """The same for what is to be found by others. Raises ValueError where nobody could connect to it."""
    if endpoint.is_any or not endpoint.port:
        raise ValueError("not an endpoint that anybody could reach")
    return pack_endpoint(endpoint)


def unpack_endpoint(packed: bytes) -> KnownHost:
    """The endpoint in `packed`, which `split_endpoints` gave. Raises ValueError for a host that is none."""
    host, port = packed[1:-2], int.from_bytes(packed[-2:], "big")
    if packed[0] in _FAMILIES:
        return KnownHost(socket.inet_ntop(_FAMILIES[packed[0]], host), port)
    return KnownHost(host[1:].decode(), port)


def fill_in(packed: bytes, host: str) -> bytes:
    """An endpoint that `host`, an IP address, told of, with its own address where it means itself."""
    if not is_itself(packed):
        return packed
    return pack_reachable(KnownHost(host, int.from_bytes(packed[2:], "big")))


def is_itself(packed: bytes) -> bool:
    """Whether an endpoint has no host, and so means whoever tells of it."""
    return packed[:2] == _ITSELF


def split_endpoints(packed: bytes) -> list[bytes]:
    """The endpoints in `packed`, each still packed."""
    found = []
    start = 0
    while start < len(packed):
        end = start + endpoint_length(packed, start)
        found.append(packed[start:end])
        start = end
    return found


def endpoint_length(packed: bytes, start: int = 0) -> int:
    """The length of the endpoint that begins at `start`, all of which must be there."""
    kind = packed[start] if start < len(packed) else -1
    if kind == 4:
        length = 7
    elif kind == 6:
        length = 19
    elif kind == 0 and start + 1 < len(packed):
        length = 4 + packed[start + 1]
    else:
        raise ValueError("not an endpoint")
    if start + length > len(packed):
        raise ValueError("an endpoint that is cut off")
    return length


def pack_ip(host: str, family: int) -> bytes:
    """Raises OSError for what is not an address of that family."""
    return socket.inet_pton(_FAMILIES[family], host)


def pack_node(node_id: bytes, address: Address, family: int) -> bytes:
    """A node: its id and its address."""
    return node_id + pack_ip(address[0], family) + address[1].to_bytes(2, "big")


def node_bytes(family: int) -> int:
    """How long a packed node is."""
    return ID_BYTES + _IP_BYTES[family] + 2


def split_nodes(packed: bytes, family: int) -> list[bytes]:
    """The nodes in `packed`, each still packed."""
    size = node_bytes(family)
    if len(packed) % size:
        raise ValueError("not a list of nodes")
    return [packed[start : start + size] for start in range(0, len(packed), size)]


def unpack_address(node: bytes) -> Address:
    """The address of a packed node."""
    ip = node[ID_BYTES:-2]
    family = socket.AF_INET if len(ip) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, ip), int.from_bytes(node[-2:], "big")


def is_reachable(node: bytes, *, from_here: bool) -> bool:
    """Whether a packed node can be asked: a port, and an IP address that a single machine can have.

    `from_here`: whether to believe in one on this machine, where nobody elsewhere could know of it.
    """
    ip = node[ID_BYTES:-2]
    if node[-2:] == b"\x00\x00":
        return False
    if len(ip) == 4:
        return 0 < ip[0] < 224 and (from_here or ip[0] != 127)
    return ip[0] != 255 and any(ip) and (from_here or ip != _LOOPBACK_6)


def is_loopback(host: str) -> bool:
    """Whether `host`, an IP address, is this machine's own."""
    return host.startswith("127.") or host == "::1"


def pack_record(record: HandedRecord) -> bytes:
    """A record for another node to keep."""
    left = min(record.lifetime, 0xFFFF).to_bytes(2, "big")
    secret = b"\x00" if record.secret is None else b"\x01" + record.secret
    return record.commitment + left + secret + record.endpoint


def split_records(packed: bytes) -> list[HandedRecord]:
    """The records in `packed`."""
    found = []
    start = 0
    while start < len(packed):
        commitment, left = packed[start : start + COMMITMENT_BYTES], start + COMMITMENT_BYTES
        flag = packed[left + 2 : left + 3]
        head = left + 3 + (SECRET_BYTES if flag == b"\x01" else 0)
        end = head + endpoint_length(packed, head)
        lifetime = int.from_bytes(packed[left : left + 2], "big")
        secret = packed[left + 3 : head] or None
        found.append(HandedRecord(commitment, lifetime, secret, packed[head:end]))
        start = end
    return found
