"""One of the processes of `members`: its programs join at the same moment, and it says how long that took.

    python -m benchmarks.private.joining SETTINGS

SETTINGS is JSON, see `Settings`; the swarm's secret is in the environment variable SECRET. Each line that it
prints is some figures, and after each it waits for a line on its standard input.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from bitboot_core import BitBoot, Identity, PeerJoined, Swarm, SwarmSecret

NAME = "unique_network"
PATIENCE = 120.0
"""Seconds until it no longer waits for all to know each other."""

START_EVERY = 0.06
"""Seconds between the starts of two programs."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process is told: whom to begin at, how many programs it runs, the number of the first of them,
    how many there are in all processes, and the seconds that they settle before they join."""

    bootstrap: list[str]
    count: int
    first: int
    everybody: int
    settle: float


async def until_there(swarm: Swarm, count: int) -> None:
    """Read what a swarm tells until so many peers are there."""
    there = 0
    async for event in swarm:
        there += 1 if isinstance(event, PeerJoined) else -1
        if there >= count:
            return


def tell(*words: object) -> None:
    """Say something to the process that began this one."""
    print(*words, flush=True)


async def is_told() -> None:
    """Wait until it tells us to go on."""
    await asyncio.to_thread(sys.stdin.readline)


async def join(settings: Settings, secret: SwarmSecret) -> None:
    """Have its programs join at the same moment, and tell the seconds until each knows everybody."""
    gc.disable()  # with so many programs in one process it has far more to look through than in each of them

    async def start(number: int) -> BitBoot:
        await asyncio.sleep(number * START_EVERY)
        bitboot = BitBoot(
            network="mainline",
            bootstrap=settings.bootstrap,
            listen="127.0.0.1:0",
            state_dir=False,
            identity=Identity.generate(),
        )
        started.append(bitboot)
        await bitboot.__aenter__()
        await bitboot.ready()
        return bitboot

    started: list[BitBoot] = []
    try:
        began = time.monotonic()
        bitboots = await asyncio.gather(*map(start, range(settings.count)))
        tell(time.monotonic() - began)
        await asyncio.sleep(settings.settle)
        await is_told()
        began, used = time.monotonic(), time.process_time()
        swarms = [
            bitboot.join(NAME, port=10000 + settings.first + number, secret=secret)
            for number, bitboot in enumerate(bitboots)
        ]
        await asyncio.gather(*(swarm.__aenter__() for swarm in swarms))
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
                for swarm in swarms:
                    group.create_task(until_there(swarm, settings.everybody))
        tell(time.monotonic() - began, time.process_time() - used, min(len(swarm.peers) for swarm in swarms))
        await is_told()
    finally:  # side by side: one after the other, those that are left would be busy with those that are gone
        await asyncio.gather(*(bitboot.aclose() for bitboot in started))


if __name__ == "__main__":
    asyncio.run(join(Settings(**json.loads(sys.argv[1])), SwarmSecret(os.environ["SECRET"])))
