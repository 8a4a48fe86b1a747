"""The kademlia node keeps the contract, on a network of real nodes on loopback."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bitboot_kademlia.backend import KademliaBackend
from bitboot_kademlia.testnet import Testnet

from bitboot_core import BackendConfig, KnownHost
from bitboot_core.testing.contract import BackendContract, World, advance_event_loop

from .hostile import mutated

NODES = 12
SILENT = 6
"""So many of the nodes that a lookup must wait for some of them, so few that a storing one is left."""


class TestKademlia(BackendContract):
    """All nodes, the testnet's too, go by the event loop's time, so that can be advanced."""

    entry_point = "kademlia"

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        config = BackendConfig(network="kademlia", protocol="kademlia", listen=KnownHost("127.0.0.1", 0))
        now = asyncio.get_running_loop().time
        async with Testnet(NODES, now=now) as testnet:

            async def stall() -> None:
                for _ in range(SILENT):
                    await testnet.remove()

            async def fall_silent() -> None:
                await testnet.aclose()

            yield World(
                make=lambda: KademliaBackend(config, now=now),
                contacts=testnet.bootstrap,
                advance=advance_event_loop,
                stall=stall,
                fall_silent=fall_silent,
                datagrams=[mutated(random.Random(seed)) for seed in range(300)],
            )
