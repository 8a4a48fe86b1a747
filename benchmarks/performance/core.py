"""What the core adds: peers streamed through BitBoot on the network `local` (row 9)."""

from __future__ import annotations

import statistics
import time

from bitboot_core import BitBoot, KnownHost, swarm_key

from .rows import Row, shown

COMMAND = "python -m benchmarks.performance core"
PEERS, TURNS = 10_000, 15


async def run() -> list[Row]:
    """Measure."""
    rates = []
    async with BitBoot(network="local") as bitboot:
        backend = bitboot.backend("local")
        async with bitboot.announce("benchmark", "127.0.0.1:1") as announcement:
            await announcement.announced()
            key = swarm_key("benchmark")
            for number in range(1, PEERS):
                host = KnownHost(f"10.0.{number >> 8}.{number & 255}", 6881)
                await backend.announce(key, host, lifetime=1800)
            for _ in range(TURNS):
                started = time.perf_counter()
                async with bitboot.find("benchmark") as found:
                    count = sum([1 async for _ in found])
                if count != PEERS:
                    raise RuntimeError(f"{count} of {PEERS} peers")
                rates.append(PEERS / (time.perf_counter() - started))
    ratio = statistics.median(rates) / 100_000
    return [
        Row(
            "9",
            "peers a second through BitBoot, local",
            "limit",
            shown(rates, "/s"),
            "100000 /s",
            ratio,
            1,
            COMMAND,
            True,
        )
    ]
