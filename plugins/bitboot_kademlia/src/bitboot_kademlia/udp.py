"""UDP sockets: one for each IP family, bound here and read here."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Sequence
from typing import Any

from bitboot_core import BootstrapFailed, KnownHost, ListenFailed
from bitboot_core.aio.resolve import resolve

RECEIVE_BUFFER = 1 << 22
"""Bytes asked of the kernel for datagrams that wait (it may grant less): lookups come in bursts."""

DRAIN = 256
"""Datagrams read in one turn of the loop, before others get theirs."""

_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_EVERYWHERE = ("0.0.0.0", "::")


async def bind(listen: KnownHost | None) -> dict[int, socket.socket]:
    """Bound sockets by IP family, both with one port where no host is given.

    Raises ListenFailed where the address is taken or there is none. A machine without one of the
    families does with the other.
    """
    listen = listen or KnownHost("", 0)
    sockets: dict[int, socket.socket] = {}
    failure: OSError | None = None
    port = listen.port
    for host in await _hosts(listen):
        family = KnownHost(host, port).family or 4
        try:
            sockets[family] = _bound(family, host, port)
            port = sockets[family].getsockname()[1]
        except OSError as error:
            failure = error
            if error.errno == errno.EADDRINUSE and listen.port:
                break  # half of what was asked for would be a surprise later on
    if failure is not None and (not sockets or (failure.errno == errno.EADDRINUSE and listen.port)):
        for sock in sockets.values():
            sock.close()
        raise ListenFailed(
            f"cannot listen on {listen}: {failure.strerror}",
            hint="another program may use that port: choose another, or port 0 for any free one",
        ) from failure
    return sockets


async def _hosts(listen: KnownHost) -> Sequence[str]:
    if not listen.host:
        return _EVERYWHERE
    try:
        return [(await resolve(listen))[0].host]
    except BootstrapFailed as error:
        raise ListenFailed(f"cannot listen on {listen}: {error}", hint=error.hint) from error


def _bound(family: int, host: str, port: int) -> socket.socket:
    sock = socket.socket(_FAMILIES[family], socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        with contextlib.suppress(OSError):  # more than the kernel allows on some systems
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


async def attach(protocol: asyncio.DatagramProtocol, sock: socket.socket, max_size: int) -> None:
    """Let `protocol` have what comes to a bound socket, and send from it. It owns the socket from here on."""
    loop = asyncio.get_running_loop()
    try:
        transport = DrainingTransport(loop, protocol, sock, max_size)
    except NotImplementedError:  # Windows' proactor loop has no add_reader
        await loop.create_datagram_endpoint(lambda: protocol, sock=sock)
    else:
        protocol.connection_made(transport)


class DrainingTransport(asyncio.DatagramTransport):
    """What asyncio's endpoint is, but it reads all that has come in one turn of the loop.

    That is faster, and it means that after a few turns without an answer there is none to be read.
    What cannot be sent at once is lost, as it may be anywhere on its way.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.DatagramProtocol,
        sock: socket.socket,
        max_size: int,
    ) -> None:
        """Raises NotImplementedError where the loop cannot watch sockets."""
        super().__init__({"sockname": sock.getsockname(), "socket": sock})
        self._loop, self._protocol, self._sock, self._max_size = loop, protocol, sock, max_size
        self._is_closing = False
        loop.add_reader(sock.fileno(), self._drain)

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send a datagram. An error is the protocol's to count."""
        if not self._is_closing:
            try:
                self._sock.sendto(data, addr)
            except OSError as error:
                self._protocol.error_received(error)

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._is_closing

    def close(self) -> None:
        """Close the socket; the protocol is told in the next turn of the loop."""
        if not self._is_closing:
            self._is_closing = True
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()
            self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """The same."""
        self.close()

    def _drain(self) -> None:
        receive = self._protocol.datagram_received
        for _ in range(DRAIN):
            try:
                datagram, sender = self._sock.recvfrom(self._max_size)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if self._is_closing:
                    return
                self._protocol.error_received(error)
            else:
                receive(datagram, sender)
