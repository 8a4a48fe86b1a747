"""Lookups of the kademlia plugin beside the library that it stands on (row 10).

One peer under each of many keys: our lookup, to the first peer and to its end, in turns with the library's
get() of one value, which ends at the first; and of keys that nobody has. 60 nodes of each, in this process.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from statistics import median
from typing import Any

from bitboot_kademlia.backend import KademliaBackend
from bitboot_kademlia.testnet import Testnet
from kademlia.network import Server
from kademlia.utils import digest

from bitboot_core import KnownHost

from .rows import Row, shown

COMMAND = "python -m benchmarks.performance kademlia"
NODES = 60
ROUNDS = 300
PEER = KnownHost("30.0.0.1", 6881)


async def run() -> list[Row]:
    """Measure, each lookup from a node that does not hold the answer itself."""
    logging.getLogger("kademlia").setLevel(logging.CRITICAL)  # thousands of warnings otherwise
    logging.getLogger("rpcudp").setLevel(logging.CRITICAL)
    rng = random.Random(1)
    first, whole, missed = [], [], []
    hits, misses = [], []
    async with library(NODES) as servers, Testnet(NODES) as testnet:
        await testnet.healed()
        for number in range(ROUNDS):
            name = f"key {number}"
            await servers[number % NODES].set(name, "value")
            server = rng.choice([one for one in servers if one.storage.get(digest(name)) is None])
            hits.append(await timed(server.get(name), "value"))
            misses.append(await timed(server.get(f"no {name}"), None))

            await testnet.backends[number % NODES].announce(digest(name), PEER, lifetime=600)
            asker = rng.choice([one for one in testnet.backends if not holds(one, digest(name))])
            began, found, ended = await look_up(asker, digest(name))
            if found != [PEER]:
                raise RuntimeError(f"{len(found)} peers found")
            first.append(began)
            whole.append(ended)
            missed.append((await look_up(asker, digest(f"no {name}")))[2])
    return [
        _row("kademlia: first peer, to get() of a value", first, hits, 1.5),
        _row("kademlia: whole lookup, to get() of a value", whole, hits, 1.5),
        _row("kademlia: nobody there, to get() of nothing", missed, misses, 1.0),
    ]


def _row(title: str, ours: Sequence[float], theirs: Sequence[float], goal: float) -> Row:
    texts = shown(ours, "ms", 1e3), shown(theirs, "ms", 1e3)
    return Row("10", title, "the library kademlia", *texts, median(ours) / median(theirs), goal, COMMAND)


async def timed(call: Awaitable[Any], expected: object) -> float:
    """How long a call takes."""
    began = time.perf_counter()
    result = await call
    ended = time.perf_counter()
    if result != expected:
        raise RuntimeError(f"the library found {result!r}")
    return ended - began


async def look_up(backend: KademliaBackend, key: bytes) -> tuple[float, list[KnownHost], float]:
    """Seconds to the first peer, the peers, seconds to the end."""
    found: list[KnownHost] = []
    first = 0.0
    began = time.perf_counter()
    async for peer in backend.lookup(key):
        first = first or time.perf_counter() - began
        found.append(peer)
    return first, found, time.perf_counter() - began


def holds(backend: KademliaBackend, key: bytes) -> bool:
    """Whether a node holds peers under `key` itself."""
    return backend.nodes[4].protocol.peers.fingerprint(key) != 0


@asynccontextmanager
async def library(count: int) -> AsyncIterator[list[Any]]:
    """Nodes with the bare library, as its documentation starts them."""
    servers: list[Any] = []
    try:
        for _ in range(count):
            server = Server()
            await server.listen(0, "127.0.0.1")
            if servers:
                await server.bootstrap([servers[0].transport.get_extra_info("sockname")])
            servers.append(server)
        yield servers
    finally:
        for server in servers:
            server.stop()
