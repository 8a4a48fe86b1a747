"""Finding a gateway's UPnP description: it is asked itself first, then the group that it listens to."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from typing import Any

from bitboot_core import NoRouterAnswered

from .gateway import FAMILIES, Gateway
from .wire import ssdp
from .wire.description import host_of

STEPS = ((0.0, False), (0.3, True), (0.9, False), (1.2, True))
"""When each search is sent, in seconds, and whether to the group. Some routers answer only the one or the
other, and a device that is asked by group waits for up to a second (MX)."""

PATIENCE = 2.5
"""Seconds in all."""

SWITCHED_OFF = "UPnP may be switched off in the router's settings"


class _Answers(asyncio.DatagramProtocol):
    """Takes the first answer of this gateway that names itself. Others are ignored, however many come."""

    def __init__(self, gateway: Gateway, own: str) -> None:
        self.location: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.elsewhere = ""
        self._gateway, self._own = gateway, own

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        sender = str(addr[0]).partition("%")[0]
        if self.location.done() or sender != self._gateway.host.partition("%")[0]:
            return
        found = ssdp.read_found(data)
        if found is None:
            return
        host = host_of(found.location)
        if host == sender or (host is not None and _is_on_our_link(host, self._own)):
            self.location.set_result(found.location)
        else:
            self.elsewhere = ascii(found.location[:80])

    def error_received(self, exc: Exception) -> None:
        """A search was refused: another one may not be."""


def _is_on_our_link(host: str, own: str) -> bool:
    """Of IPv6 a router may answer from its link-local address, and name that of our own network."""
    ip = ipaddress.ip_address(host)
    return ip.version == 6 and ":" in own and ip in ipaddress.IPv6Network(f"{own}/64", strict=False)


async def search(gateway: Gateway, own: str, *, port: int = ssdp.PORT, group: str | None = None) -> str:
    """The URL of a gateway's description. Raises NoRouterAnswered.

    `own`: this machine's address on the way to it. `port` and `group`: other ones than the usual, for tests.
    """
    group = group or ssdp.GROUPS[gateway.family]
    sock = _socket(gateway, own)
    transport, answers = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Answers(gateway, own), sock=sock
    )
    loop = asyncio.get_running_loop()
    began = loop.time()
    everybody = (group, port, 0, gateway.at(port)[3]) if gateway.family == 6 else (group, port)  # type: ignore[misc]
    try:
        for when, is_for_all in STEPS:
            await asyncio.wait({answers.location}, timeout=max(0.0, began + when - loop.time()) or 0.001)
            if answers.location.done():
                break
            for target in ssdp.TARGETS:
                with contextlib.suppress(OSError):
                    transport.sendto(
                        ssdp.search(target, group), everybody if is_for_all else gateway.at(port)
                    )
        await asyncio.wait({answers.location}, timeout=max(0.0, began + PATIENCE - loop.time()))
        if answers.location.done():
            return answers.location.result()
    finally:
        answers.location.cancel()
        transport.close()
    if answers.elsewhere:
        raise NoRouterAnswered(
            f"{gateway.host} names another machine than itself, which is not asked: {answers.elsewhere}",
            hint="update the router's software",
        )
    raise NoRouterAnswered(f"{gateway.host} did not answer within {PATIENCE:g} s", hint=SWITCHED_OFF)


def _socket(gateway: Gateway, own: str) -> socket.socket:
    """Not connected: routers may answer from any port."""
    sock = socket.socket(FAMILIES[gateway.family], socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if gateway.family == 4:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 2)
            sock.bind((own, 0))
        else:
            sock.bind((own, 0))
    except OSError as error:
        sock.close()
        raise NoRouterAnswered(
            f"nothing can be sent from {own}: {error.strerror or error}",
            hint="check that this machine is online",
        ) from error
    return sock
