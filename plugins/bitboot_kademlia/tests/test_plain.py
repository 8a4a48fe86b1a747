"""In one network with nodes that run the bare library."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.testnet import Testnet
from kademlia.network import Server

from bitboot_core import KnownHost

from .conftest import found, running

# The bare library calls what Python 3.16 drops whenever it is called itself. Our nodes never come there: they
# receive in a way of their own, and in all other tests such a warning is an error.
pytestmark = pytest.mark.filterwarnings("ignore:'asyncio.iscoroutinefunction':DeprecationWarning")

KEY = b"k" * 20
PEER = KnownHost("30.0.0.1", 6881)
HASTY = Settings(slow_floor=0.05, slow_ceiling=0.05, timeout_floor=0.2, timeout_ceiling=0.2)


@asynccontextmanager
async def plain(count: int, *bootstrap: KnownHost) -> AsyncIterator[list[Any]]:
    """Nodes with the bare library, which know each other."""
    servers: list[Any] = []
    before = asyncio.all_tasks()
    try:
        for _ in range(count):
            server = Server()
            await server.listen(0, "127.0.0.1")
            server.protocol._wait_timeout = 0.1  # or whoever asks the dead waits for 5 s
            contacts = [(contact.host, contact.port) for contact in bootstrap]
            contacts += [(address(one).host, address(one).port) for one in servers[:2]]
            if contacts:
                await server.bootstrap(contacts)
            servers.append(server)
        yield servers
    finally:
        for server in servers:
            server.stop()
            for _, timeout in server.protocol._outstanding.values():
                timeout.cancel()
        left = asyncio.all_tasks() - before
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def address(server: Any) -> KnownHost:
    return KnownHost(*server.transport.get_extra_info("sockname")[:2])


async def test_nodes_that_know_only_a_plain_one_find_each_other() -> None:
    async with plain(6) as servers, running(settings=HASTY) as here, running(settings=HASTY) as there:
        assert await here.bootstrap([address(servers[0])]) == 1
        assert await there.bootstrap([address(servers[1])]) == 1
        receipt = await here.announce(KEY, PEER, lifetime=900)
        assert receipt.stored_on == 2, "those with the bare library cannot keep it"
        assert await found(there, KEY) == [PEER]


async def test_among_plain_nodes_nothing_of_ours_is_lost() -> None:
    async with Testnet(8, settings=HASTY) as testnet, plain(12, *testnet.bootstrap):
        receipt = await testnet.backends[0].announce(KEY, PEER, lifetime=900)
        assert receipt.stored_on == 8
        for backend in testnet.backends:
            assert await found(backend, KEY) == [PEER]


async def test_among_ours_nothing_of_theirs_is_lost() -> None:
    async with Testnet(8, settings=HASTY) as testnet, plain(3, *testnet.bootstrap) as servers:
        for number in range(20):
            assert await servers[0].set(f"key {number}", f"value {number}")
        for number in range(20):
            assert await servers[2].get(f"key {number}") == f"value {number}"
        assert await servers[1].get("nothing") is None
        assert sum(backend.stats()["stored_values"] for backend in testnet.backends) > 20


async def test_a_plain_node_that_dies_is_passed_over() -> None:
    async with Testnet(4, settings=HASTY) as testnet:
        async with plain(6, *testnet.bootstrap):
            await testnet.backends[0].announce(KEY, PEER, lifetime=900)
        for _ in range(2):
            assert await found(testnet.backends[3], KEY) == [PEER]
