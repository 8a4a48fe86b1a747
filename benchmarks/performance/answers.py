"""find_node and get_peers answered by one node under a bounded flood (row 3).

The load comes from a process in C, which is not the bottleneck: libtorrent answers it several times as fast.
"""

from __future__ import annotations

import asyncio
import importlib.util
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bitboot_core import KnownHost
from plugins.bitboot_btdht.tests.libtorrent_swarm import Swarm

from .rows import Row, shown

COMMAND = "python -m benchmarks.performance answers"
COUNT, IN_FLIGHT, TURNS = 20_000, 64, 7
SOURCE = Path(__file__).with_name("flood.c")

SERVER = """
import asyncio, sys
if sys.argv[1] == "uvloop":
    import uvloop
    uvloop.install()
from bitboot_btdht.testnet import Testnet
async def main():
    async with Testnet(32) as testnet:
        print(testnet.addresses[-1].port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
asyncio.run(main())
"""
"""32 nodes, of which the last is asked; the others only fill its table."""


@contextmanager
def our_node(loop: str) -> Iterator[int]:
    """A node of ours in a process of its own; its port."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, loop], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.communicate("")


def flood(program: Path, port: int, method: str) -> float:
    """Answers per second."""
    done = subprocess.run(
        [program, str(port), method, str(COUNT), str(IN_FLIGHT)], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[0])


async def run() -> list[Row]:
    """Measure."""
    return await asyncio.to_thread(_run)


def _run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "flood")
        subprocess.run(["cc", "-O2", "-o", program, SOURCE], check=True)
        swarm = Swarm(32)
        try:
            rows = []
            loops = ["asyncio"] + (["uvloop"] if importlib.util.find_spec("uvloop") else [])
            for loop in loops:
                with our_node(loop) as port:
                    rows += [
                        _row(program, loop, port, swarm.bootstrap[0], m) for m in ("find_node", "get_peers")
                    ]
            return rows
        finally:
            swarm.close()


def _row(program: Path, loop: str, port: int, libtorrent: KnownHost, method: str) -> Row:
    ours, theirs = [], []
    for _ in range(TURNS):
        ours.append(flood(program, port, method))
        theirs.append(flood(program, libtorrent.port, method))
    ratio = statistics.median(ours) / statistics.median(theirs)
    title = f"{method} answered a second, {loop}"
    return Row("3", title, "libtorrent", shown(ours, "/s"), shown(theirs, "/s"), ratio, 0.45, COMMAND, True)
