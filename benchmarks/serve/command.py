"""`bitboot lookup` as a process, through the daemon."""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .figures import said, spread
from .world import PEERS, SWARM, World, world

MOST = 0.05
"""Seconds that it may take in the median."""


async def run(options: argparse.Namespace) -> bool:
    """Beside a Python that does nothing, and beside a node of its own; whether it is as quick as required."""
    with tempfile.TemporaryDirectory() as home:
        async with world() as made:
            return await measured(made, options.lookups, Path(home))


async def measured(made: World, count: int, home: Path) -> bool:
    """All of them in turn, each until its process has ended."""
    environ = {name: value for name, value in os.environ.items() if "BITBOOT_" not in name}
    environ |= {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "BITBOOT_SOCKET": str(made.socket)}
    # Compiled once, as where it is installed, and not into the source tree.
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ["PYTHONPYCACHEPREFIX"] = str(home)
    bitboot = [str(Path(sys.executable).with_name("bitboot")), "lookup", SWARM, "--quiet"]
    for contact in made.bootstrap:
        bitboot += ["--bootstrap", str(contact)]
    commands = {
        "python": ([sys.executable, "-c", "pass"], 0),
        "daemon": (bitboot, PEERS),
        "imported": ([*bitboot, "--as-name"], PEERS),
        "own": ([*bitboot, "--no-daemon"], PEERS),
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(count + 3):
        for name, (command, peers) in commands.items():
            seconds = await asyncio.to_thread(timed, command, peers, environ)
            if turn >= 3:  # the first ones warm up
                took[name].append(seconds)
    said("python -c pass", spread(took["python"]))
    said("bitboot lookup with a node of its own", spread(took["own"]))
    said("through the daemon, with the command line imported", spread(took["imported"]))
    quick = statistics.median(took["daemon"]) <= MOST
    return said("bitboot lookup through the daemon", spread(took["daemon"]), quick)


def timed(command: Sequence[str], peers: int, environ: Mapping[str, str]) -> float:
    """How many seconds a command takes. Raises RuntimeError where it does not print as many peers."""
    began = time.perf_counter()
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True)
    seconds = time.perf_counter() - began
    if len(done.stdout.splitlines()) != peers:
        raise RuntimeError(f"{command[0]} prints {done.stdout!r}, not {peers} peers")
    return seconds
