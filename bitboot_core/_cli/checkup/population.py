"""What `bitboot doctor` says of how many nodes a network has, where its backend estimates that."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Mapping

from ..._networks.guard import GuardedBackend
from ...aio.clock import Clock, TimeUp, deadline
from ...aio.tasks import cancel
from ..report.checks import OK, UNKNOWN, Check

LOOKUPS = 16
SECONDS = 6.0
"""As many ids are looked up by chance, side by side, for so long at most: each tells a little more."""

VERSIONS = (4, 6)


async def count_nodes(network: str, backend: GuardedBackend, clock: Clock, until: float) -> Check | None:
    """How many nodes there are; None where the backend does not estimate it.

    Its `stats()` have the names then: 0 while it does not know yet.
    """
    if not any(f"nodes_ipv{version}" in backend.stats() for version in VERSIONS):
        return None
    lookups = [backend.tasks.start(_look_up(backend)) for _ in range(LOOKUPS)]
    try:
        with contextlib.suppress(TimeUp):
            async with deadline(clock, min(until - 0.5, clock.now() + SECONDS)):
                await asyncio.wait(lookups)
    finally:
        await cancel(lookups, clock)
    told = _told(backend.stats())
    return Check(
        check="nodes",
        status=OK if told else UNKNOWN,
        message=told or "too few nodes have answered to say how many there are",
        network=network,
    )


async def _look_up(backend: GuardedBackend) -> None:
    """Look an id up that nobody else chose, whatever comes of it: whether lookups work is checked before."""
    with contextlib.suppress(Exception):
        stream = backend.lookup(os.urandom(backend.capabilities.key_bytes))
        try:
            async for _ in stream:
                await asyncio.sleep(0)  # a backend that made peers up would never let anybody else run
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()


def _told(stats: Mapping[str, int | float]) -> str:
    told = []
    for version in VERSIONS:
        about, low, high = (int(stats.get(f"nodes_ipv{version}{end}", 0)) for end in ("", "_low", "_high"))
        if about:
            told.append(f"about {about:,} nodes over IPv{version} ({low:,} to {high:,})")
    return ", ".join(told)
