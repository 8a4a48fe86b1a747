"""Sockets that speak the protocol as they like."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import umsgpack
from bitboot_kademlia.backend import KademliaBackend

from bitboot_core import BackendConfig, KnownHost

Address = tuple[str, int]


class Stranger(asyncio.DatagramProtocol):
    """Answers calls as `answer` says: a value, or None for silence. Counts what it gets."""

    def __init__(self, answer: Callable[[str, list[Any]], Any] = lambda name, args: None) -> None:
        self._answer = answer
        self.transport: Any = None
        self.calls = self.bytes = 0
        self.answers: dict[bytes, asyncio.Future[Any]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is bound."""
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Somebody calls, or answers."""
        self.bytes += len(data)
        if data[0] == 1:
            future = self.answers.pop(data[1:21], None)
            if future is not None and not future.done():
                future.set_result(umsgpack.unpackb(data[21:]))
            return
        self.calls += 1
        name, args = umsgpack.unpackb(data[21:])
        value = self._answer(name, args)
        if value is not None:
            self.transport.sendto(b"\x01" + data[1:21] + umsgpack.packb(value), addr)

    def send(self, target: Address, name: str, *args: Any) -> bytes:
        """Make a call; its message id."""
        message_id = os.urandom(20)
        self.transport.sendto(b"\x00" + message_id + umsgpack.packb([name, list(args)]), target)
        return message_id

    async def call(self, target: Address, name: str, *args: Any, timeout: float = 1.0) -> Any:
        """Make a call; its answer, None where there is none within a second."""
        future = asyncio.get_running_loop().create_future()
        self.answers[self.send(target, name, *args)] = future
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            return None

    @classmethod
    async def at(
        cls, address: Address, answer: Callable[[str, list[Any]], Any] = lambda name, args: None
    ) -> Stranger:
        """One at that address."""
        _, stranger = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: cls(answer), local_addr=address
        )
        return stranger


@asynccontextmanager
async def node(host: str) -> AsyncIterator[KademliaBackend]:
    """A node of ours that listens there, on port 7000."""
    config = BackendConfig(network="kademlia", protocol="kademlia", listen=KnownHost(host, 7000))
    backend = KademliaBackend(config)
    await backend.start()
    try:
        yield backend
    finally:
        await backend.aclose()
