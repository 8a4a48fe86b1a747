"""What a swarm on the kademlia plugin survives. How fast it is: `python -m benchmarks.performance kademlia`.

    python -m benchmarks.kademlia_swarm [deaths] [churn] [flood]

All of them unless some are named. Every network has 60 nodes in this one process, on loopback.

    deaths    200 peers under one key, announced at once; half of the nodes die; lookups from all that live
    churn     all nodes but three replaced one by one
    flood     100,000 hostile datagrams sent to one node over its socket
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import socket
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import psutil
from bitboot_kademlia.messages import encode_answer, encode_call
from bitboot_kademlia.testnet import Testnet
from kademlia.utils import digest

from bitboot_core import KnownHost

from .performance.kademlia import look_up

NODES = 60
PEERS = [KnownHost(f"30.0.{number >> 8}.{number & 255}", 6881) for number in range(200)]
KEY = digest("a popular swarm")
DATAGRAMS = 100_000


async def main() -> None:
    """Measure what was asked for."""
    logging.disable(logging.CRITICAL)  # the library's own warnings, thousands of them
    rooms: dict[str, Callable[[], Awaitable[None]]] = {
        "deaths": deaths,
        "churn": churn,
        "flood": flood,
    }
    names = sys.argv[1:] or list(rooms)
    if unknown := set(names) - set(rooms):
        sys.exit(f"no such measurement: {', '.join(sorted(unknown))}; there are {', '.join(rooms)}")
    for name in names:
        print(f"\n{name}")
        await rooms[name]()


def say(what: str, figure: str, goal: str = "", *, reached: bool = True) -> None:
    """One line of the results."""
    verdict = "" if not goal else f"   goal: {goal}: {'reached' if reached else 'MISSED'}"
    print(f"  {what:<58}{figure}{verdict}", flush=True)


# What a swarm survives


async def announce_all(testnet: Testnet) -> None:
    """All peers at the same moment, by all nodes."""
    began = time.perf_counter()
    receipts = await asyncio.gather(
        *(
            testnet.backends[number % NODES].announce(KEY, peer, lifetime=1_800)
            for number, peer in enumerate(PEERS)
        )
    )
    took = time.perf_counter() - began
    say(f"{len(PEERS)} peers announced at once by {NODES} nodes", f"{took:.2f} s in all")
    say("nodes that store each", f"{min(one.stored_on for one in receipts)} at least")


async def look_up_everywhere(what: str, testnet: Testnet, limit: float | None = None) -> None:
    """From each node on its own."""
    worst, least = 0.0, len(PEERS)
    for backend in testnet.backends:
        _, found, took = await look_up(backend, KEY)
        worst, least = max(worst, took), min(least, len(set(found)))
    say(f"{what}: peers found from each node", f"{least} of {len(PEERS)}", "all", reached=least == len(PEERS))
    goal = "" if limit is None else f"{limit:g} s"
    say(f"{what}: the slowest lookup", f"{worst:.3f} s", goal, reached=limit is None or worst <= limit)


async def deaths() -> None:
    """Half of the nodes die without a word."""
    async with Testnet(NODES) as testnet:
        await announce_all(testnet)
        await look_up_everywhere("all alive", testnet)
        rng = random.Random(1)
        for _ in range(NODES // 2):
            await testnet.remove(rng.randrange(len(testnet.backends)))
        await look_up_everywhere("half dead, first lookup", testnet, 3)
        await look_up_everywhere("half dead, second lookup", testnet, 1)


async def churn() -> None:
    """All nodes but three are replaced one by one, with no pause in between."""
    async with Testnet(NODES) as testnet:
        await announce_all(testnet)
        joins = []
        for _ in range(NODES - 3):
            await testnet.remove(3)
            began = time.perf_counter()
            await testnet.add()
            joins.append(time.perf_counter() - began)
        say(
            "a newcomer joins among the dead", f"{statistics.median(joins):.3f} s, at most {max(joins):.3f} s"
        )
        await look_up_everywhere(f"{NODES - 3} of {NODES} replaced", testnet)


# What strangers can do


async def flood() -> None:
    """Hostile datagrams over a real socket, from this same process."""
    rng = random.Random(1)
    async with Testnet(1) as testnet:
        (backend,) = testnet.backends
        target = backend.address.host, backend.address.port
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            stock = [hostile(rng) for _ in range(2_000)]
            gc.collect()
            before = psutil.Process().memory_info().rss
            began = time.perf_counter()
            for number in range(DATAGRAMS):
                sender.sendto(rng.choice(stock), target)
                if number % 50 == 0:
                    await asyncio.sleep(0)  # the node's turn
            await asyncio.sleep(0)
            took = time.perf_counter() - began
            gc.collect()
            grown = (psutil.Process().memory_info().rss - before) / 2**20
        stats = backend.stats()
        say("hostile datagrams received", f"{stats['received']:,} in {took:.1f} s")
        say("contacts taken in, peers kept", f"{stats['contacts']}, {stats['stored_peers']}")
        say("memory", f"{grown:.1f} MiB more", "less than 16", reached=grown < 16)
        say("mistakes of our own that came up", f"{stats['errors']}", "none", reached=not stats["errors"])


def hostile(rng: random.Random) -> bytes:
    """Rubbish, deep nesting, ids made up, values, tokens and answers made up."""
    message, node_id, key = (rng.randbytes(20) for _ in range(3))
    deep = encode_call(message, "store", [node_id, key])[:-43] + b"\x93\xc4\x14" + node_id + b"\xc4\x14" + key
    return rng.choice(
        [
            rng.randbytes(rng.choice((1, 20, 100, 1_400))),
            deep + b"\x91" * rng.choice((50, 3_000)),
            encode_call(message, "ping", [node_id]),
            encode_call(message, "find_peers", [node_id, key, 0]),
            encode_call(message, "store", [node_id, key, os.urandom(rng.randrange(8_000))]),
            encode_call(message, "announce", [node_id, key, "x.example", 1, 600, b"t" * 8, b"c" * 16]),
            encode_answer(message, [[node_id, "1.2.3.4", 5]] * 20),
        ]
    )


if __name__ == "__main__":
    asyncio.run(main())
