"""A program behind a router: it asks for a port by one method, and echoes over TCP and UDP.

mapped.py METHOD PORT: prints a line of JSON once the port was asked for, and closes it on SIGTERM; with a
third word, once it is open in both IP versions, at once.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from typing import Any

from bitboot_core import BitBoot, PortMapperSpec, Registry
from bitboot_core.aio.udp import open_socket


class OneMethod(Registry):
    """A registry with one port mapper."""

    def __init__(self, method: str) -> None:
        super().__init__()
        self._method = method

    def port_mappers(self) -> dict[str, PortMapperSpec]:
        return {name: spec for name, spec in super().port_mappers().items() if name == self._method}


class Echo(asyncio.DatagramProtocol):
    """Sends back what comes."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(data, addr)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes, once."""
    writer.write(await reader.read(100))
    writer.close()


async def main(method: str, port: str, until_both: str = "") -> None:
    """Serve until SIGTERM."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await asyncio.start_server(echo, None, int(port))
    for family, everywhere in ((4, "0.0.0.0"), (6, "::")):
        await loop.create_datagram_endpoint(Echo, sock=open_socket(family, everywhere, int(port)))
    registry = OneMethod(method)
    async with BitBoot(bootstrap=[], state_dir=False, registry=registry) as bitboot:
        began = time.monotonic()
        async with bitboot.map_port(int(port), transport="both") as mapping:
            while until_both and len(mapping.externals) < 2:
                await mapping.changed()
            told = {
                "externals": [[one.host, one.port] for one in mapping.externals.values()],
                "method": mapping.method,
                "expires_in": mapping.expires_in,
                "error": repr(mapping.error) if mapping.error else None,
                "seconds": time.monotonic() - began,
            }
            print(json.dumps(told), flush=True)
            if not until_both:
                await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
