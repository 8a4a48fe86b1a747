"""The libp2p node keeps the contract, on a network of real hosts on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bitboot_libp2p.backend import Libp2pBackend
from bitboot_libp2p.testnet import Testnet

from bitboot_core import BackendConfig, KnownHost
from bitboot_core.testing.contract import BackendContract, World, advance_event_loop

NODES = 3


class TestLibp2p(BackendContract):
    """All nodes, the testnet's too, keep records by the event loop's time, so that can be advanced."""

    entry_point = "libp2p"
    backend = "libp2p-kad"

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        config = BackendConfig(network="libp2p", protocol="libp2p-kad", listen=KnownHost("127.0.0.1", 0))
        now = asyncio.get_running_loop().time
        async with Testnet(NODES, now=now) as testnet:

            async def stall() -> None:
                await testnet.remove()

            yield World(
                make=lambda: Libp2pBackend(config, now=now),
                contacts=testnet.bootstrap,
                advance=advance_event_loop,
                stall=stall,
            )
