"""What a member says of itself: who it is, where its program is, and what the program has to say."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import InvalidConfig, InvalidEndpoint
from ...identity import Identity, verify
from ...model import KnownHost
from . import bencode

MAX_DATA = 512
"""Bytes of a program's data."""

MAX_ENDPOINTS = 8

_LABEL = b"bitboot-noise-key:"
_KEY, _SIGNATURE = 32, 64


class BadRecord(Exception):
    """What a member says of itself makes no sense, or is not its own."""


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """What a member has proved to say. `member`: its identity's public key, 32 bytes.

    `endpoints`: where its program is. A host that is "any" stands for the address that others see the
    member at, port 0 for the port that they see.
    """

    member: bytes
    endpoints: tuple[KnownHost, ...]
    data: bytes = b""
    features: int = 0

    def seen_from(self, source: KnownHost) -> list[KnownHost]:
        """The endpoints, as whoever sees the member at `source` reaches them; each once."""
        return list(
            dict.fromkeys(
                KnownHost(source.host if one.is_any else one.host, one.port or source.port)
                for one in self.endpoints
            )
        )


def write_record(identity: Identity, noise_key: bytes, endpoints: Iterable[KnownHost], data: bytes) -> bytes:
    """Our own record, bound to the public key that we use in handshakes."""
    value: dict[bytes, bencode.Value] = {
        b"a": [_compact(one) for one in list(dict.fromkeys(endpoints))[:MAX_ENDPOINTS]],
        b"d": data,
        b"f": 0,
        b"k": identity.public_key,
        b"s": identity.sign(_LABEL + noise_key),
    }
    return bencode.encode(value)


def read_record(payload: bytes, noise_key: bytes) -> MemberRecord:
    """What whoever has `noise_key` says of itself. Raises BadRecord where that does not hold."""
    try:
        value = bencode.decode(payload)
    except (ValueError, RecursionError) as error:
        raise BadRecord(f"it cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise BadRecord("it is no dictionary")
    addresses, data, features = value.get(b"a"), value.get(b"d"), value.get(b"f", 0)
    key, signature = value.get(b"k"), value.get(b"s")
    if not isinstance(key, bytes) or not isinstance(signature, bytes) or not isinstance(data, bytes):
        raise BadRecord("something is missing")
    if not isinstance(addresses, list) or len(addresses) > MAX_ENDPOINTS or len(data) > MAX_DATA:
        raise BadRecord("it says too much")
    endpoints = tuple(_endpoint(one) for one in addresses)
    if not verify(key, _LABEL + noise_key, signature):
        raise BadRecord("its signature does not hold")
    return MemberRecord(key, endpoints, data, features if isinstance(features, int) else 0)


def checked_data(data: object) -> bytes:
    """A program's data for its record. Raises InvalidConfig."""
    if isinstance(data, bytes) and len(data) <= MAX_DATA:
        return data
    raise InvalidConfig(f"data= is not bytes, at most {MAX_DATA} of them", hint="put the rest elsewhere")


def check_endpoint(endpoint: KnownHost) -> None:
    """Raise InvalidEndpoint for one that a record cannot hold: a name, or an address with a zone."""
    try:
        _compact(endpoint)
    except ValueError:
        raise InvalidEndpoint(
            f"{endpoint.host} is no IP address that every member understands",
            hint="private swarms announce IP addresses; leave the host out for this machine's own",
        ) from None


def _compact(endpoint: KnownHost) -> bytes:
    """BEP 5's compact form, 6 bytes, or BEP 32's, 18. Raises ValueError for names and zones."""
    host = "0.0.0.0" if endpoint.is_any else endpoint.host
    if "%" in host:
        raise ValueError("an address with a zone")
    return ipaddress.ip_address(host).packed + endpoint.port.to_bytes(2, "big")


def _endpoint(compact: object) -> KnownHost:
    if not isinstance(compact, bytes) or len(compact) not in (6, 18):
        raise BadRecord("an endpoint that is none")
    family = socket.AF_INET if len(compact) == 6 else socket.AF_INET6
    return KnownHost(socket.inet_ntop(family, compact[:-2]), int.from_bytes(compact[-2:], "big"))
