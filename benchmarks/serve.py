"""What `bitboot serve` costs, and how quickly it answers: a daemon of its own, on mainline on loopback.

    python -m benchmarks.serve [--clients N] [--minutes M] [--lookups N] [--only PART]

idle: the CPU and memory of a daemon that nobody uses, over 15 s. Required: under 0.5 % of a core and 60 MiB.

lookups: N lookups (100) of a swarm of 5 through the daemon, by one client that keeps its connection and by
one that opens one for each, and N within this process, in turn; then the same on a network whose nodes answer
after 20 to 50 ms, as on the internet. Required: 1.3 times as long at most. The client is plain asyncio, so
that the daemon is measured and not the client: httpx takes 2 to 4 ms a request by itself. It reads the whole
answer, and its JSON.

watches: N clients (200) with a watch each of one swarm, for M minutes (10). A program joins every 20 s.
Required: memory that does not grow, and each newcomer told to all within 1 s of the first who hears of it.
How soon the first one hears is up to the watch's scans.

Exits with 1 where something required is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import psutil

from bitboot_core import BitBoot, KnownHost

NODES, PEERS = 16, 5
SWARM = "unique_network"
IDLE = 15.0
EVERY = 20.0
PATIENCE = 60.0

MOST_CPU, MOST_MEMORY, MOST_RATIO, MOST_SPREAD = 0.5, 60.0, 1.3, 1.0
MOST_GROWTH = 2.0
"""MiB that it may grow by between the second minute and the last: what its allocator does is no leak."""


TESTNET = """
import asyncio, random
from bitboot_btdht.testnet import contacts
from bitboot_core.aio.udp import UdpSocket

FAR, send = {far}, UdpSocket.send

def late(self, datagram, address):
    asyncio.get_running_loop().call_later(random.uniform(0.02, 0.05), send, self, datagram, address)

async def main():
    if FAR:
        UdpSocket.send = late
    async with contacts({nodes}) as bootstrap:
        print(*bootstrap, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@asynccontextmanager
async def testnet(*, far: bool) -> AsyncIterator[list[KnownHost]]:
    """Nodes in a process of their own, as far from this one as from the daemon; contacts to begin with.

    `far`: each datagram of theirs takes 20 to 50 ms.
    """
    code = TESTNET.format(nodes=NODES, far=far)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield [KnownHost.parse(word) for word in (await process.stdout.readline()).decode().split()]
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def daemon(bootstrap: Sequence[KnownHost], folder: Path) -> AsyncIterator[tuple[psutil.Process, Path]]:
    """A daemon that is in touch with the network, and its socket."""
    path = folder / "serve.sock"
    command = [sys.executable, "-m", "bitboot_core", "serve", "--network", "mainline"]
    command += ["--listen", "127.0.0.1:0", "--socket", str(path), "--state-dir", str(folder / "state")]
    for contact in bootstrap:
        command += ["--bootstrap", str(contact)]
    environ = {**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder)}
    process = await asyncio.create_subprocess_exec(*command, env=environ, stdout=asyncio.subprocess.DEVNULL)
    try:
        async with client(path) as asking, asyncio.timeout(PATIENCE):
            while True:
                try:
                    status = (await asking.get("/v1/status")).json()
                    if all(network["state"] == "ready" for network in status["networks"]):
                        break
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)
        yield psutil.Process(process.pid), path
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def client(path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A program with connections of its own."""
    # Without TLS, which is not needed, and takes 40 ms to set up.
    transport = httpx.AsyncHTTPTransport(uds=str(path), verify=False)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://daemon", timeout=PATIENCE, trust_env=False
    ) as made:
        yield made


def mib(process: psutil.Process) -> float:
    """Its resident memory."""
    return process.memory_info().rss / 2**20


def said(what: str, figure: str, held: bool) -> bool:
    """Print one figure; whether it is as required."""
    print(f"{what:58} {figure:32} {'' if held else 'MISSED'}", flush=True)
    return held


async def idle(process: psutil.Process) -> bool:
    """Nobody asks for anything."""
    before = process.cpu_times()
    await asyncio.sleep(IDLE)
    after = process.cpu_times()
    share = 100 * (after.user + after.system - before.user - before.system) / IDLE
    cpu = said("idle: CPU", f"{share:.2f} % of a core", share < MOST_CPU)
    memory = mib(process)
    return said("idle: memory", f"{memory:.1f} MiB", memory < MOST_MEMORY) and cpu


async def timed(work: Callable[[], Awaitable[int]]) -> float:
    """How many seconds a lookup takes, to its end. Raises RuntimeError where it found too few."""
    began = time.perf_counter()
    found = await work()
    if found != PEERS:
        raise RuntimeError(f"{found} of {PEERS} peers found")
    return time.perf_counter() - began


async def lookups(bitboot: BitBoot, path: Path, count: int) -> bool:
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
    said("a lookup within the process", spread(took["within"]), True)
    kept_ratio, new_ratio = (statistics.median(took[name]) / base for name in ("kept", "new"))
    said(
        f"through the daemon, a connection for each: {new_ratio:.2f} times",
        spread(took["new"]),
        True,
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


def spread(seconds: list[float]) -> str:
    """Median and quartiles in milliseconds."""
    low, middle, high = (1e3 * one for one in statistics.quantiles(seconds, n=4))
    return f"{middle:.2f} ms ({low:.2f} to {high:.2f})"


async def watches(bitboot: BitBoot, process: psutil.Process, path: Path, count: int, minutes: float) -> bool:
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
        True,
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


@asynccontextmanager
async def world(*, far: bool = False) -> AsyncIterator[tuple[BitBoot, psutil.Process, Path]]:
    """A network, a BitBoot that has announced the swarm's peers, and a daemon with its socket."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bootstrap = await stack.enter_async_context(testnet(far=far))
        bitboot = await stack.enter_async_context(
            BitBoot(network="mainline", bootstrap=bootstrap, listen="127.0.0.1:0", state_dir=False)
        )
        process, path = await stack.enter_async_context(daemon(bootstrap, folder))
        for port in range(7000, 7000 + PEERS):
            announcement = await stack.enter_async_context(bitboot.announce(SWARM, port=port))
            await announcement.announced()
        yield bitboot, process, path


async def main(clients: int, minutes: float, count: int, only: str | None) -> int:
    """Measure; 1 where something required is missed."""
    held = []
    async with world() as (bitboot, process, path):
        if only in (None, "idle"):
            held.append(await idle(process))
        if only in (None, "lookups"):
            print("on loopback")
            held.append(await lookups(bitboot, path, count))
        if only in (None, "watches"):
            held.append(await watches(bitboot, process, path, clients, minutes))
    if only in (None, "lookups"):
        async with world(far=True) as (bitboot, _, path):
            print("where nodes answer after 20 to 50 ms")
            held.append(await lookups(bitboot, path, count))
    return 0 if all(held) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--lookups", type=int, default=100)
    parser.add_argument("--only", choices=["idle", "lookups", "watches"])
    options = parser.parse_args()
    sys.exit(asyncio.run(main(options.clients, options.minutes, options.lookups, options.only)))
