"""Clients that watch one swarm, and newcomers that they are told of."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from .figures import mib, said
from .world import PATIENCE, PEERS, SWARM, World, client, world

EVERY = 20.0
"""Seconds from one newcomer to the next."""

SETTLE = 2.0
"""Seconds after the first scan, which has just been made: scans are a second apart."""

MOST_DELAY = 1.0
"""Seconds until all have heard of who announces through the same daemon; of others, after the first has."""

MOST_GROWTH = 2.0
"""MiB that it may grow by between the second minute and the last: what its allocator does is no leak."""

MOST_LEASE = 3600


@dataclass
class Told:
    """When each client was told of each newcomer, by port."""

    clients: int
    at: dict[int, list[float]] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self, path: Path) -> None:
        """One client: it watches until it is cancelled."""
        reader, writer = await asyncio.open_unix_connection(str(path))
        try:
            writer.write(f"GET /v1/watches?swarm={SWARM} HTTP/1.1\r\nHost: daemon\r\n\r\n".encode())
            while line := await reader.readline():
                if line.startswith(b"data: ") and b'"port"' in line:
                    self.at.setdefault(json.loads(line[6:])["port"], []).append(time.perf_counter())
                    self.news.set()
        finally:
            writer.close()

    async def all_of(self, port: int) -> tuple[float, float]:
        """When the first has been told of this one, and the last."""
        async with asyncio.timeout(5 * PATIENCE):
            while len(self.at.get(port, ())) < self.clients:
                self.news.clear()
                await self.news.wait()
        return min(self.at[port]), max(self.at[port])


@dataclass
class Newcomers:
    """Those who announce in one way: seconds until the first client was told of each, and until all were."""

    announce: Callable[[int], Awaitable[None]]
    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)

    async def one_more(self, port: int, told: Told) -> None:
        """One announces, and all are told."""
        began = time.perf_counter()
        await self.announce(port)
        first, last = await told.all_of(port)
        self.first.append(first - began)
        self.last.append(last - began)

    def said(self, where: str) -> None:
        """Print how soon they were told of."""
        figure = f"{statistics.median(self.first):.2f} s (at most {max(self.first):.2f})"
        said(f"{len(self.first)} newcomers {where}: until the first is told", figure)


async def run(options: argparse.Namespace) -> bool:
    """How soon they are told, and the memory meanwhile; whether both are as required."""
    async with world() as made:
        return await measured(made, options.clients, options.minutes)


async def measured(made: World, count: int, minutes: float) -> bool:
    """Clients that watch, and newcomers in turn through the daemon and from elsewhere."""
    told, memory = Told(count), []
    async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
        program = await stack.enter_async_context(client(made.socket))

        async def through_the_daemon(port: int) -> None:
            wish = {"swarm": SWARM, "port": port, "lease": MOST_LEASE}
            (await program.post("/v1/announcements", json=wish)).raise_for_status()

        async def elsewhere(port: int) -> None:
            await stack.enter_async_context(made.bitboot.announce(SWARM, port=port))

        ways = [Newcomers(through_the_daemon), Newcomers(elsewhere)]
        clients = [group.create_task(told.watch(made.socket)) for _ in range(count)]
        for port in range(7000, 7000 + PEERS):
            await told.all_of(port)
        await asyncio.sleep(SETTLE)
        began, port = time.perf_counter(), 8000
        while (since := time.perf_counter() - began) < 60 * minutes:
            await ways[port % 2].one_more(port, told)
            memory.append((time.perf_counter() - began, mib(made.daemon)))
            port += 1
            await asyncio.sleep(max(0.0, since + EVERY - (time.perf_counter() - began)))
        for one in clients:
            one.cancel()
    here, there = ways
    here.said("through the same daemon")
    worst = max(here.last)
    held = said(f"until the last of {count} clients is told", f"{worst:.2f} s at most", worst <= MOST_DELAY)
    there.said("from elsewhere")
    worst = max(last - first for first, last in zip(there.first, there.last, strict=True))
    held &= said("and the last, after the first", f"{1e3 * worst:.0f} ms at most", worst <= MOST_DELAY)
    settled = [one for at, one in memory if at >= min(120.0, 30 * minutes)] or [memory[-1][1]]
    grown = settled[-1] - settled[0]
    figure = f"{settled[0]:.1f} to {settled[-1]:.1f} MiB"
    return (
        said(f"memory with {count} watches, over {minutes:g} minutes", figure, grown <= MOST_GROWTH) and held
    )
