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

from .node import Node
from .settings import Settings
from .udp import UdpDriver
from .wire import compact


class Testnet:
    """`size` nodes on `host` (a loopback address of either family), each on a free port."""

    __test__ = False  # a name that starts with "Test" is no test case

    def __init__(self, size: int = 16, *, host: str = "127.0.0.1", settings: Settings | None = None) -> None:
        if size < 1:
            raise ValueError("a network has at least one node")
        self._size = size
        self._host = host
        self._settings = settings or Settings().relaxed()
        self._drivers: list[UdpDriver] = []

    @property
    def nodes(self) -> list[Node]:
        """The engines of the nodes that are running."""
        return [driver.node for driver in self._drivers]

    @property
    def addresses(self) -> list[KnownHost]:
        """Where the running nodes listen."""
        return [driver.address for driver in self._drivers]

    @property
    def bootstrap(self) -> list[KnownHost]:
        """Contacts to start from: the first three nodes."""
        return self.addresses[:3]

    async def __aenter__(self) -> Testnet:
        try:
            for _ in range(self._size):
                await self.add()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def add(self) -> Node:
        """One more node, which joins through those that are there."""

        def make(families: list[int], now: float) -> Node:
            return Node(now=now, settings=self._settings, families=families)

        driver = await UdpDriver.open(make, KnownHost(self._host, 0))
        contacts = [compact.pack(contact.host, contact.port) for contact in self.bootstrap]
        self._drivers.append(driver)
        if contacts:
            loop = asyncio.get_running_loop()
            joined: asyncio.Future[int] = loop.create_future()
            operation = driver.node.bootstrap(
                contacts, lambda count: None if joined.done() else joined.set_result(count), now=loop.time()
            )
            driver.flush()
            try:
                await joined
            finally:
                operation.cancel()
        return driver.node

    def flush(self) -> None:
        """Send what the nodes have to send: needed after starting anything on one of `nodes`."""
        for driver in self._drivers:
            driver.flush()

    async def remove(self, index: int = -1) -> None:
        """Stop a node without a word, as a machine that is switched off would."""
        await self._drivers.pop(index).aclose()

    async def aclose(self) -> None:
        """Stop them all."""
        while self._drivers:
            await self.remove()


@asynccontextmanager
async def contacts(size: int) -> AsyncIterator[Sequence[KnownHost]]:
    """A testnet for as long as the context lasts; gives the contacts to bootstrap from."""
    async with Testnet(size) as testnet:
        yield testnet.bootstrap
