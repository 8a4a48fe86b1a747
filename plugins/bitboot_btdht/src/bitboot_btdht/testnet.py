"""A mainline network of your own, on loopback: for tests, demos and experiments.

    async with Testnet(16) as testnet:
        async with BitBoot(network="mainline", bootstrap=testnet.bootstrap, listen="127.0.0.1:0") as bitboot:
            ...

The nodes are the real thing on real UDP sockets; they know only each other and speak to nobody
outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bitboot_core import KnownHost
from bitboot_core.testing.testnet import MemberTestnet

from .node import Node
from .settings import Settings
from .udp import UdpDriver
from .wire import compact


class Testnet(MemberTestnet[UdpDriver]):
    """`size` nodes on `host` (a loopback address of either family), each on a free port.

    Raises ValueError where `size` is less than 1.
    """

    def __init__(self, size: int = 16, *, host: str = "127.0.0.1", settings: Settings | None = None) -> None:
        super().__init__(size)
        self._host = host
        self._settings = settings or Settings().relaxed()

    @property
    def nodes(self) -> list[Node]:
        """The engines of the nodes that are running."""
        return [driver.node for driver in self._members]

    async def add(self) -> Node:
        """One more node, which joins through those that are there."""
        return (await self._add_member()).node

    def flush(self) -> None:
        """Send what the nodes have to send: needed after starting anything on one of `nodes`."""
        for driver in self._members:
            driver.flush()

    async def _start_member(self) -> UdpDriver:
        def make(families: list[int], now: float) -> Node:
            return Node(now=now, settings=self._settings, families=families)

        return await UdpDriver.open(make, KnownHost(self._host, 0))

    async def _join(self, member: UdpDriver, contacts: Sequence[KnownHost]) -> None:
        if not contacts:
            return
        loop = asyncio.get_running_loop()
        joined: asyncio.Future[int] = loop.create_future()
        operation = member.node.bootstrap(
            [compact.pack(contact.host, contact.port) for contact in contacts],
            lambda count: None if joined.done() else joined.set_result(count),
            now=loop.time(),
        )
        member.flush()
        try:
            await joined
        finally:
            operation.cancel()


@asynccontextmanager
async def contacts(size: int) -> AsyncIterator[Sequence[KnownHost]]:
    """A testnet for as long as the context lasts; gives the contacts to bootstrap from."""
    async with Testnet(size) as testnet:
        yield testnet.bootstrap
