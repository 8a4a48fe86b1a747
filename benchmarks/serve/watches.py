"""Clients that watch one swarm, and newcomers that they are told of."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

from bitboot_core import BitBoot

from .figures import mib, said
from .world import PATIENCE, PEERS, SWARM, world

EVERY = 20.0
"""Seconds from one newcomer to the next."""

MOST_SPREAD = 1.0
"""Seconds from the first client that hears of a newcomer to the last."""

MOST_GROWTH = 2.0
"""MiB that it may grow by between the second minute and the last: what its allocator does is no leak."""


async def run(options: argparse.Namespace) -> bool:
    """How soon they are told, and the memory meanwhile; whether both are as required."""
    async with world() as made:
        return await measured(made.bitboot, made.daemon, made.socket, options.clients, options.minutes)


async def measured(bitboot: BitBoot, process: psutil.Process, path: Path, count: int, minutes: float) -> bool:
    """Clients that watch, and newcomers that they are told of."""
    told: dict[int, list[float]] = {}
    news = asyncio.Event()

    async def watch() -> None:
        reader, writer = await asyncio.open_unix_connection(str(path))
        try:
            writer.write(f"GET /v1/watches?swarm={SWARM} HTTP/1.1\r\nHost: daemon\r\n\r\n".encode())
            while line := await reader.readline():
                if line.startswith(b"data: ") and b'"port"' in line:
                    told.setdefault(json.loads(line[6:])["port"], []).append(time.perf_counter())
                    news.set()
        finally:
            writer.close()

    async def heard_by_all(port: int) -> None:
        async with asyncio.timeout(5 * PATIENCE):
            while len(told.get(port, ())) < count:
                news.clear()
                await news.wait()

    delays, spreads, memory = [], [], []
    async with asyncio.TaskGroup() as group, AsyncExitStack() as announcements:
        clients = [group.create_task(watch()) for _ in range(count)]
        for port in range(7000, 7000 + PEERS):
            await heard_by_all(port)
        began = time.perf_counter()
        port = 8000
        while time.perf_counter() - began < 60 * minutes:
            announced = time.perf_counter()
            announcement = bitboot.announce(SWARM, port=port)
            await announcements.enter_async_context(announcement)
            await heard_by_all(port)
            delays.append(min(told[port]) - announced)
            spreads.append(max(told[port]) - min(told[port]))
            memory.append((time.perf_counter() - began, mib(process)))
            port += 1
            await asyncio.sleep(max(0.0, EVERY - (time.perf_counter() - announced)))
        for one in clients:
            one.cancel()
    said(
        f"{len(delays)} newcomers: until the first of {count} clients hears",
        f"{statistics.median(delays):.1f} s",
    )
    worst = max(spreads)
    quick = said("until the last one has heard, at most", f"{1e3 * worst:.0f} ms later", worst <= MOST_SPREAD)
    settled = [one for at, one in memory if at >= min(120.0, 30 * minutes)] or [memory[-1][1]]
    grown = settled[-1] - settled[0]
    return (
        said(
            f"memory with {count} watches, over {minutes:g} minutes",
            f"{settled[0]:.1f} to {settled[-1]:.1f} MiB",
            grown <= MOST_GROWTH,
        )
        and quick
    )
