"""The DHT's messages (https://github.com/libp2p/specs/tree/master/kad-dht), and what we add to one.

Beside a provider's addresses ours state how long each is to live: field 1000 of `Message.Peer`,
milliseconds as 4 bytes an address, in their order. Other implementations pass over a field that they
do not know. A node that understood it sends it back with what it granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.unknown_fields import UnknownFieldSet
from libp2p.kad_dht.pb.kademlia_pb2 import Message

from bitboot_core import KnownHost

from .addresses import unpack, varint
from .providers import MAX_ADDRESSES, MAX_LIFETIME

MAX_REQUEST = 64 * 1024
MAX_ANSWER = 4 * 1024 * 1024

LIFETIMES = 1000
"""The number of the field."""

MAX_PEERS = 1024
"""Peers of one message that are looked at."""

WITHDRAWN = bytes((0x04, 0, 0, 0, 0, 0x06, 0, 0))
"""/ip4/0.0.0.0/tcp/0: can be reached nowhere any more. Others ignore a record of no address."""

FIND_NODE = Message.MessageType.FIND_NODE
ADD_PROVIDER = Message.MessageType.ADD_PROVIDER
GET_PROVIDERS = Message.MessageType.GET_PROVIDERS
PING = Message.MessageType.PING


def request(kind: int, key: bytes) -> Any:
    """A message of this kind about `key`."""
    message = Message()
    message.type = kind
    message.key = key
    return message


def parse(data: bytes) -> Any:
    """A message. Raises the library's DecodeError."""
    message = Message()
    message.ParseFromString(data)
    return message


def provider(peer: bytes, lifetimes: Mapping[bytes, float]) -> Any:
    """A provider with its addresses, and how many seconds each is to live."""
    entry = Message.Peer()
    entry.id = peer
    entry.addrs.extend(lifetimes or [WITHDRAWN])
    content = b"".join(int(seconds * 1000).to_bytes(4, "big") for seconds in lifetimes.values())
    entry.MergeFromString(varint(LIFETIMES << 3 | 2) + varint(len(content)) + content)
    return entry


def lifetimes_of(entry: Any) -> list[float] | None:
    """The seconds that a provider's entry states, None where it is not one of ours."""
    for field in UnknownFieldSet(entry):
        if field.field_number == LIFETIMES and isinstance(field.data, bytes):
            data = field.data[: 4 * MAX_ADDRESSES]
            return [int.from_bytes(data[at : at + 4], "big") / 1000 for at in range(0, len(data) - 3, 4)]
    return None


def offered(entry: Any) -> dict[bytes, float]:
    """The addresses of a provider's entry that can be reached, and the seconds that they are to live."""
    stated = lifetimes_of(entry)
    found: dict[bytes, float] = {}
    for index, address in enumerate(entry.addrs[:MAX_ADDRESSES]):
        try:
            unpack(address)
        except ValueError:
            continue
        seconds = MAX_LIFETIME if stated is None else stated[index] if index < len(stated) else 0.0
        if seconds > 0:
            found[address] = seconds
    return found


def endpoints(entries: Iterable[tuple[bytes, Iterable[bytes]]], name: Any) -> Iterator[KnownHost]:
    """What can be reached of (peer id, addresses); `name` writes an id as text, or raises ValueError."""
    for peer, addresses in entries:
        try:
            peer_id = name(peer)
        except ValueError:
            continue
        for address in addresses:
            try:
                yield unpack(address, peer_id)
            except ValueError:
                continue
