"""The library's idea of a socket, a transport, on top of the core's."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from bitboot_core import KnownHost
from bitboot_core.aio.udp import UdpSocket


class Transport(asyncio.DatagramTransport):
    """Hands what comes to a bound socket to `protocol`, and sends from it. It owns the socket."""

    def __init__(self, protocol: asyncio.DatagramProtocol, sock: socket.socket, max_size: int) -> None:
        super().__init__({"sockname": sock.getsockname(), "socket": sock})
        self._protocol = protocol
        self._is_closing = False
        self._udp = UdpSocket(
            sock, protocol.datagram_received, failed=protocol.error_received, max_size=max_size
        )
        protocol.connection_made(self)

    @property
    def address(self) -> KnownHost:
        """Where it listens."""
        return self._udp.address

    def remember(self, contact: KnownHost) -> None:
        """Note the zone of a link-local contact."""
        self._udp.remember(contact)

    def known_host(self, address: tuple[str, int]) -> KnownHost:
        """An address with the zone that it needs here, if any."""
        return self._udp.known_host(address)

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send a datagram at once, or lose it. An error is the protocol's to count."""
        if not self._is_closing:
            try:
                self._udp.send(data, addr)
            except OSError as error:
                self._protocol.error_received(error)

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._is_closing

    def close(self) -> None:
        """Close the socket at once; the protocol is told in the next turn of the loop."""
        if not self._is_closing:
            self._is_closing = True
            self._udp.close()
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """The same."""
        self.close()

    async def aclose(self) -> None:
        """`close`, and wait until nothing is left."""
        self.close()
        await self._udp.aclose()
