"""Side by side with aria2, whose DHT is an implementation of its own. Real UDP and TCP, loopback only."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.testnet import Testnet
from bitboot_btdht.wire import bencode

from bitboot_core import BackendConfig, KnownHost

from .conftest import PATIENCE, eventually

ARIA2 = shutil.which("aria2c")

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(
        ARIA2 is None, reason="ARIA2 IS NOT INSTALLED: not tested against it (Debian's package aria2)"
    ),
]

CONTENT = b"something to share\n" * 1000
PIECE = 16384
INFO = {
    b"length": len(CONTENT),
    b"name": b"shared.txt",
    b"piece length": PIECE,
    b"pieces": b"".join(
        hashlib.sha1(CONTENT[start : start + PIECE]).digest() for start in range(0, len(CONTENT), PIECE)
    ),
}
INFO_HASH = hashlib.sha1(bencode.encode(INFO)).digest()


def free_port(kind: socket.SocketKind) -> int:
    """A port that nobody uses at the moment."""
    with closing(socket.socket(socket.AF_INET, kind)) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@asynccontextmanager
async def aria2(folder: Path, entry: KnownHost, *, seed: bool) -> AsyncIterator[int]:
    """aria2 with our torrent, and with its content where it is to seed; the port that it announces."""
    assert ARIA2 is not None
    torrent = folder / "shared.torrent"
    torrent.write_bytes(bencode.encode({b"info": INFO, b"nodes": [[b"127.0.0.1", entry.port]]}))
    downloads = folder / "downloads"
    downloads.mkdir()
    if seed:
        (downloads / "shared.txt").write_bytes(CONTENT)
    port = free_port(socket.SOCK_STREAM)
    process = await asyncio.create_subprocess_exec(
        ARIA2,
        "--no-conf",
        "--enable-dht=true",
        "--enable-dht6=false",
        f"--dht-listen-port={free_port(socket.SOCK_DGRAM)}",
        f"--listen-port={port}",
        f"--dht-entry-point=127.0.0.1:{entry.port}",  # else it goes to the public routers
        f"--dht-file-path={folder / 'dht.dat'}",
        "--interface=127.0.0.1",
        "--bt-enable-lpd=false",
        "--enable-peer-exchange=false",
        "--seed-time=5",
        "--seed-ratio=0",
        "--check-integrity=true",
        "--quiet=true",
        "-d",
        str(downloads),
        str(torrent),
    )
    try:
        yield port
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def node_of(testnet: Testnet) -> AsyncIterator[MainlineBackend]:
    """A node of ours that knows the testnet."""
    config = BackendConfig(network="mainline", protocol="mainline", listen=KnownHost("127.0.0.1", 0))
    backend = MainlineBackend(config)
    await backend.start()
    try:
        await backend.bootstrap(testnet.bootstrap)
        yield backend
    finally:
        await backend.aclose()


async def finds(backend: MainlineBackend, peer: KnownHost) -> bool:
    """Whether a lookup of the torrent brings that peer."""
    return peer in [found async for found in backend.lookup(INFO_HASH)]


async def test_a_torrent_that_aria2_seeds_is_found_by_us(tmp_path: Path) -> None:
    async with (
        Testnet(8) as testnet,
        node_of(testnet) as backend,
        aria2(tmp_path, testnet.bootstrap[0], seed=True) as port,
    ):
        await eventually(lambda: finds(backend, KnownHost("127.0.0.1", port)), "aria2 to announce itself")


async def test_a_peer_that_we_announce_is_found_by_aria2(tmp_path: Path) -> None:
    """It connects to whoever we announced, and greets with the torrent's info-hash (BEP 3)."""
    greetings: asyncio.Queue[bytes] = asyncio.Queue()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greetings.put_nowait(await reader.read(48))
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with Testnet(8) as testnet, node_of(testnet) as backend:
        port = server.sockets[0].getsockname()[1]
        receipt = await backend.announce(INFO_HASH, KnownHost("", port), lifetime=1800)
        assert receipt.stored_on == 8
        async with server, aria2(tmp_path, testnet.bootstrap[0], seed=False):
            async with asyncio.timeout(PATIENCE):
                # It tries an encrypted greeting first; turned away, it comes back with a plain one.
                while not (greeting := await greetings.get()).startswith(b"\x13BitTorrent protocol"):
                    pass
            assert greeting[28:48] == INFO_HASH
