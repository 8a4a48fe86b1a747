"""A daemon that nobody uses."""

from __future__ import annotations

import argparse
import asyncio

from .figures import mib, said
from .world import world

SECONDS = 60.0
"""The kernel counts in hundredths of a second."""

MOST_CPU, MOST_MEMORY = 0.5, 60.0
"""Per cent of a core, and MiB."""


async def run(options: argparse.Namespace) -> bool:
    """Its CPU and memory; whether they are as required."""
    async with world() as made:
        before = made.daemon.cpu_times()
        await asyncio.sleep(SECONDS)
        after = made.daemon.cpu_times()
        memory = mib(made.daemon)
    share = 100 * ((after.user - before.user) + (after.system - before.system)) / SECONDS
    cheap = said("idle: CPU", f"{share:.2f} % of a core", share < MOST_CPU)
    return said("idle: memory", f"{memory:.1f} MiB", memory < MOST_MEMORY) and cheap
