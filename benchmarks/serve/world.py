"""A network on loopback, a program that has announced on it, and a daemon: each in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from bitboot_core import BitBoot, KnownHost

NODES, PEERS = 16, 5
SWARM = "unique_network"
PATIENCE = 60.0

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


@dataclass(frozen=True, slots=True)
class World:
    """A BitBoot in this process that has announced the swarm's peers, a daemon, and its socket."""

    bitboot: BitBoot
    daemon: psutil.Process
    socket: Path
    bootstrap: Sequence[KnownHost]


@asynccontextmanager
async def world(*, far: bool = False) -> AsyncIterator[World]:
    """All of it, until the end. `far`: each datagram of the network's nodes takes 20 to 50 ms."""
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
        yield World(bitboot, process, path, bootstrap)
