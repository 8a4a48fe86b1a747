"""A private DHT of libp2p hosts on loopback: for tests, demos and experiments.

    async with Testnet(10) as testnet:
        async with BitBoot(network="libp2p", bootstrap=testnet.bootstrap, listen="127.0.0.1:0") as bitboot:
            ...

The nodes are the real thing on real sockets, each in a thread; they know only each other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from bitboot_core import BackendConfig, KnownHost
from bitboot_core.testing.testnet import BackendTestnet

from .backend import Libp2pBackend


class Testnet(BackendTestnet[Libp2pBackend]):
    """`size` nodes on `host` (a loopback address), each on a free port; contacts come with peer ids."""

    def __init__(
        self, size: int = 10, *, host: str = "127.0.0.1", now: Callable[[], float] | None = None
    ) -> None:
        config = BackendConfig(network="testnet", protocol="libp2p-kad", listen=KnownHost(host, 0))
        super().__init__(size, lambda: Libp2pBackend(config, now))


@asynccontextmanager
async def contacts(size: int) -> AsyncIterator[Sequence[KnownHost]]:
    """A testnet for as long as the context lasts; gives the contacts to bootstrap from."""
    async with Testnet(size) as testnet:
        yield testnet.bootstrap
