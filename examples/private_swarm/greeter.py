"""A tiny application: whoever runs it can be greeted, and greets all others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bitboot_core import BitBoot

SWARM = "bitboot-example/greeter"


@asynccontextmanager
async def greeter(name: str, bitboot: BitBoot) -> AsyncIterator[None]:
    """Say one's name to whoever connects, and be found in the swarm."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{name}\n".encode())
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with bitboot.announce(SWARM, port=port) as announcement:
            await announcement.announced()
            yield


async def everybody(bitboot: BitBoot) -> set[str]:
    """The names of all who are there and answer."""
    names = set()
    for peer in await bitboot.lookup(SWARM):
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection(peer.host, peer.port)
                names.add((await reader.readline()).decode(errors="replace").strip())
                writer.close()
        except (OSError, ValueError):
            continue  # gone, or a stranger
    return names
