"""What a node takes: memory, and time while nothing happens (row 7)."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import subprocess
import sys
import time

import psutil

from .rows import Row

COMMAND = "python -m benchmarks.performance memory"
MIB = 2**20
IDLE_SECONDS = 30.0


async def run() -> list[Row]:
    """Measure, each in a process of its own."""
    rows = []
    for size in (64, 1000):
        taken = await asyncio.to_thread(_measure, "nodes", size)
        each = taken / size / MIB
        rows.append(_row(f"memory a node, {size} in one process", f"{each:.3f} MiB", "0.5 MiB", each / 0.5))
    stored = await asyncio.to_thread(_measure, "peers", 100_000) / MIB
    rows.append(_row("100,000 stored peers", f"{stored:.1f} MiB", "40 MiB", stored / 40))
    share = await asyncio.to_thread(_measure, "idle", 32)
    rows.append(_row("an idle node's share of a core", f"{share:.3%}", "0.2 %", share / 0.002))
    return rows


def _row(title: str, ours: str, limit: str, ratio: float) -> Row:
    return Row("7", title, "limit", ours, limit, ratio, 1, COMMAND)


def _measure(what: str, size: int) -> float:
    code = f"from benchmarks.performance import memory; memory.measure({what!r}, {size})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def measure(what: str, size: int) -> None:
    """Run in the child: print one number."""
    work = {"nodes": _nodes, "peers": _peers, "idle": _idle}[what]
    print(json.dumps(asyncio.run(work(size))))


def _taken() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


async def _nodes(size: int) -> float:
    """Bytes that so many nodes take, sockets and tables included."""
    from bitboot_btdht.testnet import Testnet  # noqa: PLC0415 - imported before, measured after

    async with Testnet(2):
        before = _taken()
    async with Testnet(size):
        return float(_taken() - before)


async def _peers(count: int) -> float:
    """Bytes that so many stored peers take, ten under each hash."""
    from bitboot_btdht.server.peer_store import PeerStore  # noqa: PLC0415
    from bitboot_btdht.settings import Settings  # noqa: PLC0415
    from bitboot_btdht.simulation import public_address  # noqa: PLC0415

    rng = random.Random(1)
    store = PeerStore(Settings(), rng)
    before = _taken()
    for number in range(count // 10):
        info_hash = rng.randbytes(20)
        for other in range(10):
            store.add(info_hash, public_address(number * 10 + other), float(number))
    after = _taken()
    if len(store) != count:
        raise RuntimeError(f"{len(store)} stored")
    return float(after - before)


async def _idle(size: int) -> float:
    """The share of a core that one of so many idle nodes takes."""
    from bitboot_btdht.testnet import Testnet  # noqa: PLC0415

    async with Testnet(size):
        await asyncio.sleep(2.0)
        began, used = time.perf_counter(), time.process_time()
        await asyncio.sleep(IDLE_SECONDS)
        return (time.process_time() - used) / (time.perf_counter() - began) / size
