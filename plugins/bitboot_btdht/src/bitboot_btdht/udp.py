"""Driving a `Node` over UDP on the running event loop. The only module that knows sockets."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

from bitboot_core import KnownHost
from bitboot_core.aio.limits import Allowance
from bitboot_core.aio.logs import logger
from bitboot_core.aio.udp import Address, UdpSocket, bind

from .node import Node
from .server.extensions import LOGGED_BURST, LOGGED_PER_SECOND
from .wire import compact

_log = logger(__name__)

PAUSE_AFTER_BUG = 0.1
"""Seconds until the timer runs again after an exception, which might otherwise come at once and for ever."""


class UdpDriver:
    """A node on its sockets: one for each IP family it listens on.

    `await UdpDriver.open(make_node, listen)` binds and starts; `aclose()` ends. After starting
    anything on `node`, call `flush()` so that its datagrams leave, or `look()`.
    """

    def __init__(self, node: Node, sockets: dict[int, socket.socket]) -> None:
        """The sockets are the driver's from here on."""
        self.node = node
        node.send_query = self._send_first
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._closed = False
        self._giving_way = self._is_receiving = self._is_looking = False
        self._has_sent_first = False
        self._unsent: list[tuple[bytes, compact.Address]] = []
        self._may_log = Allowance(LOGGED_PER_SECOND, LOGGED_BURST, max_keys=1)
        self._sockets = {
            family: UdpSocket(
                sock,
                self.receive,
                drained=self._drained,
                failed=self._read_failed,
                max_size=node.settings.max_datagram + 1,
            )
            for family, sock in sockets.items()
        }

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

    def flush(self) -> None:
        """Send what the node has to send, and set the timer to its deadline."""
        if not self._closed:
            self._send()
            self._call_at(self.node.deadline())

    def look(self) -> None:
        """`flush`, but read what has come before each datagram: on one machine the first answer is there
        before all have been asked, and whoever has what they wait for need not wait for the rest.
        """
        if self._is_receiving:
            self.flush()
            return
        self._is_looking = True
        try:
            self._unsent += self.node.outgoing()
            self._read()
            while self._unsent and not self._giving_way:
                self._send_one(*self._unsent.pop(0))
                self._read()
        except Exception:  # noqa: BLE001 - reported, as what `receive` leads to
            self._report("what an answer led to could not be done")
        finally:
            self._is_looking = False
        self._drained()

    def _read(self) -> None:
        for sock in self._sockets.values():
            sock.look()

    def _call_at(self, deadline: float) -> None:
        if self._timer is None or self._due > deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._due = deadline  # not every loop's timers tell
            self._timer = self._loop.call_at(deadline, self._poll)

    def _send(self) -> None:
        to_send = self.node.outgoing()
        if self._unsent and not self._is_looking:
            # Whoever is asked after an answer is closer to what is looked for.
            to_send, self._unsent = to_send + self._unsent, []
        self._has_sent_first = False
        for datagram, address in to_send:
            self._send_one(datagram, address)

    def _send_first(self, datagram: bytes, address: compact.Address) -> bool:
        """Send the first of several queries, to be on its way while the others are written; not those."""
        if self._has_sent_first:
            return False
        self._has_sent_first = True
        self._send_one(datagram, address)
        return True

    def _send_one(self, datagram: bytes, address: compact.Address) -> None:
        sock = self._sockets.get(compact.family(address))
        try:
            if sock is not None and not self._closed:
                sock.send(datagram, compact.unpack(address))
        except OSError as error:
            # As if it were lost on the way: the buffer is full, there is no route, or a firewall minds.
            self.node.counters.unsent += 1
            _log.debug("could not send to %s: %s", compact.unpack(address), error)

    def _poll(self) -> None:
        self._timer = None
        try:
            self.node.poll(self._loop.time())
        except Exception:  # noqa: BLE001 - reported
            # A callback of whoever extends the node, or a bug of ours: the node goes on.
            self._report("what was due could not be done")
            self._send()
            self._call_at(self._loop.time() + PAUSE_AFTER_BUG)
        else:
            self.flush()

    def give_way(self) -> None:
        """Somebody has what they wait for: let them run before more is read or sent in this turn."""
        self._giving_way = True

    def receive(self, datagram: bytes, sender: Address) -> bool:
        """Hand one datagram to the node. Whether to let others run before more is read."""
        self._giving_way, self._is_receiving = False, True
        self._has_sent_first = False
        try:
            if self.node.receive(datagram, compact.pack(*sender), self._loop.time()):
                if self._giving_way:
                    return True
                self._send()  # it answers a query of ours: whoever is asked next can work while we read on
        except Exception:  # noqa: BLE001 - reported
            # The last line of defence: a stranger must never stop the node. It is a bug, so say so.
            self._report("a datagram of %d bytes could not be handled", len(datagram))
        finally:
            self._is_receiving = False
        return False

    def _drained(self) -> None:
        if self._is_looking:
            if not self._giving_way:
                self._send()  # queries are answered from the address that they asked, before more is read
        elif self._giving_way:
            # The first peer of a lookup comes to its reader in two thirds of the time it would else take.
            self._giving_way = False
            self._loop.call_soon(self._go_on)
        else:
            self.flush()

    def _go_on(self) -> None:
        """Do and send what had to wait for a lookup's peers."""
        try:
            self.node.catch_up()
        except Exception:  # noqa: BLE001 - reported, as what `receive` leads to
            self._report("what an answer led to could not be done")
        self.flush()

    def _read_failed(self, error: OSError) -> None:
        self.node.counters.refused += 1
        _log.debug("an earlier datagram was refused: %s", error)

    def _report(self, message: str, *values: object) -> None:
        """Report the exception at hand, though not as often as somebody might like."""
        self.node.counters.errors += 1
        if self._may_log.take(b"", self._loop.time()):
            _log.exception(message, *values)

    async def aclose(self) -> None:
        """Close the sockets. May be called twice."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for sock in self._sockets.values():
            sock.close()  # all of them, before anybody can interrupt us
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
