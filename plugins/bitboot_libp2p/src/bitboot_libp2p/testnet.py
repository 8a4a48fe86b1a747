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

from .backend import Libp2pBackend


class Testnet:
    """`size` nodes on `host` (a loopback address), each on a free port."""

    __test__ = False  # a name that starts with "Test" is no test case

    def __init__(
        self, size: int = 10, *, host: str = "127.0.0.1", now: Callable[[], float] | None = None
    ) -> None:
        if size < 1:
            raise ValueError("a network has at least one node")
        self._size, self._now = size, now
        self._config = BackendConfig(network="testnet", protocol="libp2p-kad", listen=KnownHost(host, 0))
        self._backends: list[Libp2pBackend] = []

    @property
    def backends(self) -> list[Libp2pBackend]:
        """The nodes that are running, longest first."""
        return list(self._backends)

    @property
    def bootstrap(self) -> list[KnownHost]:
        """Contacts to start from: the first three nodes, with their peer ids."""
        return [backend.address for backend in self._backends[:3]]

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

    async def add(self) -> Libp2pBackend:
        """One more node, which joins through those that are there."""
        backend = Libp2pBackend(self._config, self._now)
        bootstrap = self.bootstrap
        await backend.start()
        self._backends.append(backend)
        await backend.bootstrap(bootstrap)
        return backend

    async def remove(self, index: int = -1) -> None:
        """Stop a node without a word, as a machine that is switched off would."""
        await self._backends.pop(index).aclose()

    async def aclose(self) -> None:
        """Stop them all."""
        while self._backends:
            await self.remove()


@asynccontextmanager
async def contacts(size: int) -> AsyncIterator[Sequence[KnownHost]]:
    """A testnet for as long as the context lasts; gives the contacts to bootstrap from."""
    async with Testnet(size) as testnet:
        yield testnet.bootstrap
