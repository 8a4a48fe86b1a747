"""Driving a `Node` over UDP on the running event loop. Its sockets are opened and closed here."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from bitboot_core import KnownHost
from bitboot_core.aio.logs import logger
from bitboot_core.aio.udp import UdpSocket, bind

from .driving import Driving
from .node import Node
from .wire import compact

_log = logger(__name__)


class UdpDriver:
    """A node on its sockets: one for each IP family it listens on.

    `await UdpDriver.open(make_node, listen)` binds and starts; `aclose()` ends. After starting
    anything on `node`, call `flush()` so that its datagrams leave, or `look()`.
    """

    def __init__(self, node: Node, sockets: dict[int, socket.socket]) -> None:
        """The sockets are the driver's from here on."""
        self.node = node
        self._driving = driving = Driving(node, asyncio.get_running_loop())
        self.flush: Callable[[], None] = driving.flush
        """Send what the node has to send, and set the timer to its deadline."""
        self.look: Callable[[], None] = driving.look
        """The same, but read what has come before each datagram: see `Driving.look`."""
        self.give_way: Callable[[], None] = driving.give_way
        """Somebody has what they wait for: let them run before more is read or sent in this turn."""
        self._sockets = driving.sockets
        for family, sock in sockets.items():
            self._sockets[family] = UdpSocket(
                sock,
                driving.receive,
                drained=driving.drained,
                failed=driving.read_failed,
                max_size=node.settings.max_datagram + 1,
            )

    @classmethod
    async def open(cls, make_node: Callable[[list[int], float], Node], listen: KnownHost | None) -> UdpDriver:
        """Bind, make the node with the families that could be bound, and begin to serve.

        `listen`: see `bitboot_core.aio.udp.bind`. Raises ListenFailed.
        """
        sockets = await bind(listen)
        try:
            driver = cls(make_node(list(sockets), asyncio.get_running_loop().time()), sockets)
        except BaseException:
            for sock in sockets.values():
                sock.close()
            raise
        if _log.isEnabledFor(logging.DEBUG):
            _log_messages(driver.node)
        driver.flush()
        return driver

    @property
    def address(self) -> KnownHost:
        """Where it listens: IPv4 where it speaks both."""
        return next(iter(self._sockets.values())).address

    def remember(self, contact: KnownHost) -> None:
        """Note the zone of a link-local contact, which compact addresses do not have."""
        if contact.family in self._sockets:
            self._sockets[contact.family].remember(contact)

    def known_host(self, address: compact.Address) -> KnownHost:
        """A compact address with the zone that it needs here, if any."""
        family = compact.family(address)
        sock = self._sockets.get(family) if family == 6 else None  # IPv4 has no zones
        return sock.known_host(compact.unpack(address)) if sock else compact.known_host(address)

    async def aclose(self) -> None:
        """Close the sockets. May be called twice."""
        self._driving.close()  # all of them, before anybody can interrupt us
        for sock in self._sockets.values():
            await sock.aclose()


def _log_messages(node: Node) -> None:
    """Log every query and answer: asked for when the node is made, so that nobody else pays for it."""
    node.extensions.on_query(
        lambda query, address: _log.debug(
            "%s asks %s", compact.known_host(address), query.method.decode("ascii", "replace")
        )
    )
    node.extensions.on_response(
        lambda exchange: _log.debug(
            "%s answers %s: %s",
            compact.known_host(exchange.address),
            exchange.method.decode("ascii", "replace"),
            _contents(exchange.response.values),
        )
    )


def _contents(values: dict[bytes, Any]) -> str:
    """How much an answer holds. A stranger wrote it."""
    sizes = {
        b"values": 1,
        b"nodes": 26,
        b"nodes6": 38,
    }  # of a peer in a list, of compact node infos (BEP 5, 32)
    found = [
        f"{len(values[key]) // size} {key.decode()}"
        for key, size in sizes.items()
        if isinstance(values.get(key), (bytes, list))
    ]
    return ", ".join(found) or "no nodes"
