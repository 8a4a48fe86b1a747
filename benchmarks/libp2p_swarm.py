"""What bitboot-libp2p claims of itself, measured on this machine. Prints; it is no test.

    python benchmarks/libp2p_swarm.py [--nodes 28] [--rounds 50]

All nodes announce themselves and all look for all; then half of them stop without a word; then one
node starts, announces, looks and closes many times in this process.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import statistics
import threading
import time

import psutil
from bitboot_libp2p.backend import Libp2pBackend
from bitboot_libp2p.testnet import Testnet

from bitboot_core import BackendConfig, KnownHost

KEY = hashlib.sha1(b"benchmark", usedforsecurity=False).digest()


async def look(backend: Libp2pBackend) -> tuple[int, float, float]:
    """Peers found, seconds until the first, seconds until the end."""
    began = time.perf_counter()
    first, found = 0.0, set()
    async for peer in backend.lookup(KEY):
        first = first or time.perf_counter() - began
        found.add(peer)
    return len(found), first, time.perf_counter() - began


async def swarm(nodes: int) -> None:
    """All find all; with half of them gone too."""
    began = time.perf_counter()
    async with Testnet(nodes) as testnet:
        print(f"{nodes} nodes up and in touch: {time.perf_counter() - began:.1f} s")
        stored, took = [], []
        for number, backend in enumerate(testnet.backends):
            began = time.perf_counter()
            receipt = await backend.announce(KEY, KnownHost("127.0.0.1", 7000 + number), lifetime=1800)
            took.append(time.perf_counter() - began)
            stored.append(receipt.stored_on)
        print(
            f"announce: median {statistics.median(took):.2f} s, "
            f"stored on {min(stored)} to {max(stored)} nodes"
        )
        results = [await look(backend) for backend in testnet.backends]
        tell("all nodes up", nodes, results)
        for _ in range(nodes // 2):
            await testnet.remove()
        tell("half gone, first lookups", nodes, [await look(backend) for backend in testnet.backends])
        tell("half gone, second lookups", nodes, [await look(backend) for backend in testnet.backends])
        began = time.perf_counter()
    print(f"{nodes - nodes // 2} nodes closed: {time.perf_counter() - began:.2f} s")


def tell(title: str, nodes: int, results: list[tuple[int, float, float]]) -> None:
    """A line of figures."""
    found, firsts, whole = zip(*results, strict=True)
    print(
        f"{title}: {sum(one == nodes for one in found)} of {len(results)} nodes find all {nodes} "
        f"(the least: {min(found)}); first peer median {statistics.median(firsts) * 1000:.1f} ms; "
        f"whole lookup median {statistics.median(whole):.2f} s, slowest {max(whole):.2f} s"
    )


async def rounds(count: int) -> None:
    """Start, announce, look up, close: what is left each time."""
    config = BackendConfig(network="libp2p", protocol="libp2p-kad", listen=KnownHost("127.0.0.1", 0))
    process = psutil.Process()
    left = []
    async with Testnet(3) as testnet:
        for _ in range(count):
            backend = Libp2pBackend(config)
            await backend.start()
            await backend.bootstrap(testnet.bootstrap)
            await backend.announce(KEY, KnownHost("127.0.0.1", 7000), lifetime=60)
            await look(backend)
            await backend.aclose()
            await asyncio.sleep(0.2)  # until the other ends have noticed
            # Windows counts handles. Of sockets, those that are ours: the others' ends close when they may.
            files = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
            left.append((files, threading.active_count()))
    print(
        f"{count} rounds: open files and threads {left[0]} after the first, {left[-1]} after the last, "
        f"at most {max(left)}"
    )


async def main() -> None:
    """Both parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=28)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    await swarm(arguments.nodes)
    await rounds(arguments.rounds)


if __name__ == "__main__":
    asyncio.run(main())
