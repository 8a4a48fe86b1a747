"""A private DHT on loopback: for tests, demos and experiments.

    async with Testnet(16) as testnet:
        async with BitBoot(network="kademlia", bootstrap=testnet.bootstrap, listen="127.0.0.1:0") as bitboot:
            ...

The nodes are the real thing on real UDP sockets; they know only each other and speak to nobody
outside.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from bitboot_core import BackendConfig, KnownHost
from bitboot_core.testing.testnet import BackendTestnet

from .backend import KademliaBackend
from .settings import Settings


class Testnet(BackendTestnet[KademliaBackend]):
    """`size` nodes on `host` (a loopback address of either family), each on a free port."""

    def __init__(
        self,
        size: int = 16,
        *,
        host: str = "127.0.0.1",
        settings: Settings | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        config = BackendConfig(network="testnet", protocol="kademlia", listen=KnownHost(host, 0))
        super().__init__(size, lambda: KademliaBackend(config, settings, now))

    async def healed(self) -> None:
        """Return when no node has anything left to fetch from another."""
        for backend in self.backends:
            for node in backend.nodes.values():
                await node.healing.idle()


@asynccontextmanager
async def contacts(size: int) -> AsyncIterator[Sequence[KnownHost]]:
    """A testnet for as long as the context lasts; gives the contacts to bootstrap from."""
    async with Testnet(size) as testnet:
        yield testnet.bootstrap
