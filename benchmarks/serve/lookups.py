"""Lookups through the daemon beside those within a process."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bitboot_core import BitBoot

from .figures import said, spread
from .world import PEERS, SWARM, world

MOST_RATIO = 1.3


async def run(options: argparse.Namespace) -> bool:
    """On loopback, and where nodes are as far as on the internet; whether the ratio is as required."""
    held = True
    for far, where in ((False, "on loopback"), (True, "where nodes answer after 20 to 50 ms")):
        async with world(far=far) as made:
            print(where)
            held = await measured(made.bitboot, made.socket, options.lookups) and held
    return held


async def timed(work: Callable[[], Awaitable[int]]) -> float:
    """How many seconds a lookup takes, to its end. Raises RuntimeError where it found too few."""
    began = time.perf_counter()
    found = await work()
    if found != PEERS:
        raise RuntimeError(f"{found} of {PEERS} peers found")
    return time.perf_counter() - began


async def measured(bitboot: BitBoot, path: Path, count: int) -> bool:
    """One within the process, one through a kept connection, one through a new one, in turn."""

    async def within() -> int:
        async with bitboot.find(SWARM) as found:
            return len(await found.collect())

    async def anew() -> int:
        async with connection(path) as one:
            return await looked_up(*one)

    async with connection(path) as kept:
        ways: dict[str, Callable[[], Awaitable[int]]] = {
            "within": within,
            "kept": lambda: looked_up(*kept),
            "new": anew,
        }
        took: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(count + 3):
            for name, way in ways.items():
                seconds = await timed(way)
                if turn >= 3:  # the first ones warm up
                    took[name].append(seconds)
    base = statistics.median(took["within"])
    said("a lookup within the process", spread(took["within"]))
    kept_ratio, new_ratio = (statistics.median(took[name]) / base for name in ("kept", "new"))
    said(
        f"through the daemon, a connection for each: {new_ratio:.2f} times",
        spread(took["new"]),
    )
    return said(
        f"through the daemon, one connection: {kept_ratio:.2f} times",
        spread(took["kept"]),
        kept_ratio <= MOST_RATIO,
    )


@asynccontextmanager
async def connection(path: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the daemon."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        yield reader, writer
    finally:
        writer.close()


async def looked_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """How many peers a lookup through this connection finds: its answer comes in chunks (RFC 9112, 7.1)."""
    body = json.dumps({"swarm": SWARM}).encode()
    head = f"POST /v1/lookups HTTP/1.1\r\nHost: daemon\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    status = (await reader.readuntil(b"\r\n\r\n")).split()[1]
    if status != b"200":
        raise RuntimeError(f"the daemon answers {status!r}")
    found = 0
    while size := int(await reader.readuntil(b"\r\n"), 16):
        lines = (await reader.readexactly(size + 2)).splitlines()
        found += sum(json.loads(line)["event"] == "peer" for line in lines if line)
    await reader.readexactly(2)
    return found
