"""What the tests of the mainline node share."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.testnet import Testnet
from bitboot_btdht.wire import bencode, compact

from bitboot_core.aio.udp import is_own_address

PATIENCE = 30.0
"""Seconds after which something that should have happened fails the test."""


@asynccontextmanager
async def silenced(testnet: Testnet) -> AsyncIterator[None]:
    """All nodes are closed. Their ports stay taken: else a node of a test that runs beside this one may get
    one of them, and answer."""
    addresses = testnet.addresses
    await testnet.aclose()
    with ExitStack() as stack:
        for address in addresses:
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind((address.host, address.port))
        yield


class Stranger:
    """Somebody with a socket who talks raw KRPC to one node, without a network in between."""

    def __init__(self, node: Node, host: str = "20.0.0.1", port: int = 6881, id_: bytes = b"s" * 20) -> None:
        self.node = node
        self.id = id_
        self.address = compact.pack(host, port)
        self.now = node.now

    def send(self, datagram: bytes) -> list[dict[bytes, Any]]:
        """Send bytes; whatever comes back to our address, decoded."""
        self.node.receive(datagram, self.address, self.now)
        sent = self.node.outgoing()
        return [bencode.decode(data) for data, address in sent if address == self.address]

    def message(self, message: dict[bytes, Any]) -> list[dict[bytes, Any]]:
        return self.send(bencode.encode(message))

    def query(self, method: bytes, transaction: bytes = b"aa", **arguments: Any) -> dict[bytes, Any]:
        """Ask, and return the one reply to that."""
        replies = [reply for reply in self.raw_query(method, transaction, **arguments) if reply[b"y"] != b"q"]
        (reply,) = replies
        assert reply[b"t"] == transaction
        return reply

    def raw_query(
        self, method: bytes, transaction: bytes = b"aa", **arguments: Any
    ) -> list[dict[bytes, Any]]:
        named = {name.encode(): value for name, value in arguments.items()}
        body = {b"id": self.id, **named}
        return self.message({b"t": transaction, b"y": b"q", b"q": method, b"a": body})

    def answer(self, query: dict[bytes, Any], **values: Any) -> list[dict[bytes, Any]]:
        """Answer one of the node's queries."""
        named = {name.encode(): value for name, value in values.items()}
        return self.message({b"t": query[b"t"], b"y": b"r", b"r": {b"id": self.id, **named}})

    def befriend(self) -> None:
        """Get into the node's table: query it, and answer its ping."""
        for query in self.raw_query(b"ping"):
            if query[b"y"] == b"q":
                self.answer(query)


@pytest.fixture
def node() -> Node:
    """A node on the public network's settings, at time 0, which looks nothing up by itself."""
    return Node(now=0.0, rng=random.Random(1), node_id=b"n" * 20, settings=Settings(first_looks=0))


@pytest.fixture
def dual() -> Node:
    """A node that speaks both IP families."""
    return Node(now=0.0, rng=random.Random(1), node_id=b"n" * 20, families=(4, 6))


@pytest.fixture
def relaxed() -> Settings:
    """Settings without limits per address."""
    return Settings().relaxed()


async def eventually(condition: Callable[[], bool | Awaitable[bool]], what: str) -> None:
    """Wait for something that other programs bring about, with patience but not without end."""
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                holds = condition()
                if holds if isinstance(holds, bool) else await holds:
                    return
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"waited {PATIENCE} s for {what}")


@pytest.fixture
def ipv6() -> None:
    """Skips where this machine has no IPv6 loopback."""
    if not is_own_address("::1"):
        pytest.skip("this machine has no IPv6 loopback")
