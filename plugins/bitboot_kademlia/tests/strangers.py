"""A node without a network, and strangers who talk to it."""

from __future__ import annotations

import asyncio
from typing import Any

import umsgpack
from bitboot_kademlia.acquaintance import NodeSetup
from bitboot_kademlia.messages import encode_call
from bitboot_kademlia.protocol import PeerProtocol
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.wire import Address

MESSAGE = b"m" * 20
STRANGER = ("20.0.0.1", 7000)


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Sent(asyncio.DatagramTransport):
    """A socket that goes nowhere: what was sent is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.datagrams: list[tuple[bytes, Address]] = []

    def sendto(self, data: Any, addr: Any = None) -> None:
        self.datagrams.append((data, addr))

    def close(self) -> None:
        pass


class Talk:
    """A node without a network, and strangers who talk to it."""

    def __init__(self, settings: Settings, time: Time, *, node_id: bytes = b"n" * 20) -> None:
        self.contacts: list[Any] = []
        self.protocol = PeerProtocol(NodeSetup(node_id, 4, settings, time, on_contact=self.contacts.append))
        self.sent = Sent()
        self.protocol.connection_made(self.sent)

    def send(self, datagram: bytes, sender: Address = STRANGER) -> list[tuple[bytes, Address]]:
        """Send bytes; what the node sends at that, to whomever."""
        before = len(self.sent.datagrams)
        self.protocol.datagram_received(datagram, sender)
        return self.sent.datagrams[before:]

    def call(self, name: str, *args: Any, sender: Address = STRANGER, has_token: bool = True) -> Any:
        """Make a call, which shows a token; the one answer to it. Raises LookupError where there is none."""
        token = self.protocol.tokens.issue(sender[0]) if has_token else b""
        for datagram, address in self.send(encode_call(MESSAGE, name, list(args), token), sender):
            if datagram[:21] == b"\x01" + MESSAGE and address == sender:
                return umsgpack.unpackb(datagram[21:])
        raise LookupError(name)

    def answer(self, call: bytes, value: Any, sender: Address = STRANGER) -> None:
        """Answer one of the node's calls."""
        self.send(b"\x01" + call[1:21] + umsgpack.packb(value), sender)

    async def befriend(self, node_id: bytes, sender: Address = STRANGER) -> None:
        """Get into the node's table: call it, and answer its greeting."""
        datagrams = self.send(b"\x00" + MESSAGE + umsgpack.packb(["hello", [node_id]]), sender)
        for datagram, address in datagrams:
            if datagram[0] == 0 and address == sender:
                self.answer(datagram, node_id, sender)
        await asyncio.sleep(0)  # until the node has read it
