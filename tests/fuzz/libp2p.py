"""libp2p's messages: read, and answered by the server that keeps what they offer."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from bitboot_libp2p import messages
from bitboot_libp2p.addresses import MAX_BYTES, pack, unpack
from bitboot_libp2p.peer_ids import is_id, name_of
from bitboot_libp2p.providers import MAX_ADDRESSES, MAX_LIFETIME, Providers
from bitboot_libp2p.server import Server
from bitboot_libp2p.sharing import share_of
from bitboot_libp2p.table import Table
from google.protobuf.message import DecodeError
from libp2p.peer.peerstore import PeerStore

from bitboot_core import KnownHost

KEY = b"\x11\x14" + b"k" * 20
OWN = b"\x12\x20" + b"o" * 32
PEER = b"\x12\x20" + b"p" * 32
OTHER = b"\x12\x20" + b"q" * 32
SHARE = share_of("30.0.0.1", PEER)

# The library logs what strangers send as errors of its own.
logging.disable(logging.CRITICAL)


class _Host:
    """As much of a libp2p host as answering takes."""

    def __init__(self) -> None:
        self._store = PeerStore()

    def get_peerstore(self) -> PeerStore:
        return self._store


async def _nobody(peer: bytes, message: Any, at: KnownHost | None) -> None:
    """Ask a node: none is there."""


def seeds() -> list[bytes]:
    hosts = [KnownHost("50.0.0.1", 6881), KnownHost("2001:db8::1", 1), KnownHost("peer.example.org", 2)]
    found = []
    for kind in range(6):
        message = messages.request(kind, KEY)
        message.providerPeers.append(messages.provider(PEER, {pack(one): 60.0 for one in hosts}))
        message.providerPeers.append(messages.provider(OTHER, {}))
        near = message.closerPeers.add()
        near.id = OTHER
        near.addrs.extend(pack(one) for one in hosts)
        found.append(message.SerializeToString())
        found.append(messages.request(kind, KEY).SerializeToString())
    message.senderRecord = b"\x0a\x24\x08\x01\x12\x20" + b"K" * 32 + b"\x12\x02\x03\x01\x1a\x01p\x2a\x01s"
    return [
        *(b"\x00" + one for one in [*found, message.SerializeToString()]),
        *(b"\x01" + pack(one) for one in hosts),
    ]


def one_input(data: bytes) -> None:
    if data[:1] == b"\x01":
        _address(data[1:])
        return
    try:
        message = messages.parse(data[1:])
    except DecodeError:
        return
    _answer(message)
    _as_asker(message)


def _address(data: bytes) -> None:
    try:
        host = unpack(data)
    except ValueError:
        return
    assert len(data) <= MAX_BYTES
    assert str(host).isprintable()
    assert unpack(pack(host)) == host


def _answer(message: Any) -> None:
    """What the server says. Only a message of a peer that has met its terms gets this far."""
    counters: Counter[str] = Counter()
    table, providers = Table(OWN, lambda: 1000.0), Providers(lambda: 1000.0)
    table.answered(OTHER, KnownHost("40.0.0.1", 4001))
    server = Server(
        _Host(), OWN, table=table, providers=providers, counters=counters, nursery=None, ask=_nobody
    )
    for _ in range(2):  # the second time with what it has kept
        reply = server._reply(PEER, message, SHARE)
        if reply is not None:
            assert len(reply.SerializeToString()) <= messages.MAX_ANSWER
    for kept in providers.get(message.key).values():
        assert len(kept) <= MAX_ADDRESSES


def _as_asker(message: Any) -> None:
    """The same as an answer to us."""
    entries = [(one.id, one.addrs[:64]) for one in [*message.providerPeers, *message.closerPeers]]
    for host in messages.endpoints(entries, name_of):
        assert str(host).isprintable()
        assert host.port
        assert not host.is_any
    for entry in [*message.providerPeers, *message.closerPeers]:
        is_id(entry.id)
        for seconds in messages.offered(entry).values():
            assert 0 < seconds <= max(MAX_LIFETIME, 0xFFFFFFFF / 1000)
