"""The mainline node keeps the contract, on a network of real nodes on loopback."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.testnet import Testnet

from bitboot_core import BackendConfig, KnownHost
from bitboot_core.testing.contract import BackendContract, World, advance_event_loop

from .conftest import silenced
from .hostile import mutated

NODES = 12
SILENT = 6
"""So many of the nodes that a lookup must wait for some of them, so few that a storing one is left."""


class TestMainline(BackendContract):
    """All nodes, the testnet's too, go by the event loop's time, so that can be advanced."""

    entry_point = "btdht"

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        config = BackendConfig(network="mainline", protocol="mainline", listen=KnownHost("127.0.0.1", 0))
        async with Testnet(NODES) as testnet, AsyncExitStack() as silent:

            async def stall() -> None:
                for _ in range(SILENT):
                    await testnet.remove()

            async def fall_silent() -> None:
                await silent.enter_async_context(silenced(testnet))

            yield World(
                make=lambda: MainlineBackend(config),
                contacts=testnet.bootstrap,
                advance=advance_event_loop,
                stall=stall,
                fall_silent=fall_silent,
                datagrams=[mutated(random.Random(seed)) for seed in range(300)],
            )
