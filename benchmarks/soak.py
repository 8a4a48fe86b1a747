"""Forty nodes in one process at accelerated lifetimes, for an hour: do memory and open files stay flat?

    python -m benchmarks.soak --minutes 60

Each node is a whole BitBoot on UDP and loopback, with its own state folder: it has joined one swarm,
announces with a lifetime of a minute, and scans. Every ten seconds one of them is closed and another
takes its place at another port. Prints a line a minute, then the verdict; exits with 1 where something
grew. The first quarter is left out of the verdict: tables fill, and a watch keeps a peer that is gone
for ten minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.settings import Settings

from bitboot_core import BackendSpec, BitBoot, KnownHost, NetworkDefinition, Registry
from bitboot_core._swarms.swarm import Swarm

LIFETIME = 60.0
REPLACE_EVERY = 10.0
SAMPLE_EVERY = 60.0
SWARM = "soak"
MIB = 2**20

SETTINGS = Settings(
    peer_lifetime=LIFETIME, good_for=30.0, refresh_after=30.0, dead_for=20.0, max_dead=256
).relaxed()

MAY_GROW = {"memory": 0.05, "files": 0.0, "tasks": 0.1}
"""By which share the last quarter may exceed the second one."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One minute's figures. `memory` in bytes; `seen`: the share of members that others see, 0 to 1."""

    memory: float
    files: float
    tasks: float
    seen: float


class Member:
    """One BitBoot in the swarm."""

    def __init__(self, port: int, contacts: Sequence[KnownHost], folder: Path) -> None:
        self.port = port
        self._folder = folder / str(port)
        self._contacts = contacts
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Join, and follow what happens."""
        registry = Registry(entry_points=list, environ={})
        registry.register_backend(
            BackendSpec("accelerated", ["accelerated"], lambda config: MainlineBackend(config, SETTINGS))
        )
        bitboot = BitBoot(
            network=NetworkDefinition("accelerated", "accelerated", tuple(self._contacts)),
            registry=registry,
            listen="127.0.0.1:0",
            state_dir=self._folder,
            lifetime=LIFETIME,
        )
        self._bitboot = await self._stack.enter_async_context(bitboot)
        self._swarm = await self._stack.enter_async_context(bitboot.join(SWARM, "127.0.0.1", port=self.port))
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for _ in self._swarm:
            pass

    @property
    def swarm(self) -> Swarm:
        """What it has joined."""
        return self._swarm

    @property
    def address(self) -> KnownHost:
        """Where its node listens."""
        return self._bitboot.backend().address

    async def aclose(self) -> None:
        """Leave."""
        await self._stack.aclose()
        await self._reading


async def soak(minutes: float, size: int, seed: int) -> list[Sample]:
    """Run; one sample a minute."""
    rng = random.Random(seed)
    ports = itertools.cycle(range(2000, 60000))
    members: list[Member] = []
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:

        async def add() -> None:
            contacts = [member.address for member in rng.sample(members, min(3, len(members)))]
            member = Member(next(ports), contacts, Path(folder))
            await member.start()
            members.append(member)

        try:
            for _ in range(size):
                await add()
            began = sampled = time.monotonic()
            while time.monotonic() < began + 60 * minutes:
                await asyncio.sleep(REPLACE_EVERY)
                await members.pop(rng.randrange(len(members))).aclose()
                await add()
                if time.monotonic() >= sampled + SAMPLE_EVERY:
                    sampled += SAMPLE_EVERY
                    samples.append(_sample(members))
                    _print(round((sampled - began) / 60), samples[-1])
        finally:
            for member in members:
                await member.aclose()
    return samples


def _sample(members: Sequence[Member]) -> Sample:
    gc.collect()
    process = psutil.Process()
    files = process.num_handles() if sys.platform == "win32" else process.num_fds()
    # The latest newcomers may need a scan or two until everybody has seen them.
    ports = {member.port for member in members[:-6]}
    seen = [len(ports & {peer.port for peer in member.swarm.peers}) / len(ports) for member in members[:-6]]
    return Sample(process.memory_info().rss, files, len(asyncio.all_tasks()), statistics.fmean(seen))


def _print(minute: int, sample: Sample) -> None:
    print(
        f"minute {minute:3}: {sample.memory / MIB:6.1f} MiB, {sample.files:.0f} open files, "
        f"{sample.tasks:.0f} tasks, {sample.seen:.1%} of the members seen",
        flush=True,
    )


def verdict(samples: Sequence[Sample]) -> bool:
    """Print what has grown from the second quarter to the last. Whether all is flat."""
    quarter = len(samples) // 4
    flat = True
    for name, allowed in MAY_GROW.items():
        early = statistics.median(getattr(one, name) for one in samples[quarter : 2 * quarter])
        late = statistics.median(getattr(one, name) for one in samples[-quarter:])
        growth = late / early - 1
        flat = flat and growth <= allowed
        print(f"{name}: {growth:+.1%} (at most {allowed:+.0%}): {'flat' if growth <= allowed else 'GROWS'}")
    return flat


def main() -> int:
    """Run; 1 where something grows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--nodes", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.minutes < 4:
        parser.error("less than 4 minutes have no quarters to compare")
    samples = asyncio.run(soak(arguments.minutes, arguments.nodes, arguments.seed))
    return 0 if verdict(samples) else 1


if __name__ == "__main__":
    sys.exit(main())
