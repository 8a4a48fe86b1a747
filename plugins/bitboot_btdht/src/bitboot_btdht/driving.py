"""Moves datagrams between a `Node` and its sockets, and wakes it when it is time. Nothing here waits."""

from __future__ import annotations

import asyncio
from typing import Final

from bitboot_core.aio.limits import Allowance
from bitboot_core.aio.logs import logger
from bitboot_core.aio.udp import Address, UdpSocket

from .node import Node
from .server.extensions import LOGGED_BURST, LOGGED_PER_SECOND
from .wire import compact

_log = logger(__name__)

PAUSE_AFTER_BUG: Final = 0.1
"""Seconds until the timer runs again after an exception, which might otherwise come at once and for ever."""

_IDLE: Final = 0
_LOOKING: Final = 1
_RECEIVING: Final = 2


class Driving:
    """A node on its `sockets`, by IP family. See `UdpDriver`, which opens and closes them."""

    def __init__(self, node: Node, loop: asyncio.AbstractEventLoop) -> None:
        self.node: Final[Node] = node
        self.sockets: Final[dict[int, UdpSocket]] = {}
        node.send_query = self._send_first
        self._loop: Final[asyncio.AbstractEventLoop] = loop
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._is_closed = False
        self._doing = _IDLE
        self._giving_way = False
        self._has_sent_first = False
        self._unsent: list[tuple[bytes, compact.Address]] = []
        self._may_log = Allowance(LOGGED_PER_SECOND, LOGGED_BURST, max_keys=1)

    def flush(self) -> None:
        """Send what the node has to send, and set the timer to its deadline."""
        if not self._is_closed:
            self._send()
            self._call_at(self.node.deadline())

    def look(self) -> None:
        """`flush`, but read what has come before each datagram: on one machine the first answer is there
        before all have been asked, and whoever has what they wait for need not wait for the rest.
        """
        if self._doing != _IDLE:
            self.flush()
            return
        self._doing = _LOOKING
        unsent, self._unsent = self._unsent, []
        try:
            unsent += self.node.outgoing()
            self._read()
            while unsent and not self._giving_way:
                datagram, address = unsent.pop(0)
                self._send_one(datagram, address)
                self._read()
        except Exception:  # noqa: BLE001 - reported, as what `receive` leads to
            self._report("what an answer led to could not be done")
        finally:
            self._doing = _IDLE
            self._unsent = unsent
        self.drained()

    def _read(self) -> None:
        for sock in self.sockets.values():
            sock.look()

    def _call_at(self, deadline: float) -> None:
        if self._timer is None or self._due > deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._due = deadline  # not every loop's timers tell
            self._timer = self._loop.call_at(deadline, self._poll)

    def _send(self) -> None:
        to_send = self.node.outgoing()
        if self._unsent:
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
        sock = self.sockets.get(compact.family(address))
        try:
            if sock is not None and not self._is_closed:
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
        before, self._doing = self._doing, _RECEIVING
        self._giving_way = self._has_sent_first = False
        try:
            if self.node.receive(datagram, compact.pack(*sender), self._loop.time()):
                if self._giving_way:
                    return True
                self._send()  # it answers a query of ours: whoever is asked next can work while we read on
        except Exception:  # noqa: BLE001 - reported
            # The last line of defence: a stranger must never stop the node. It is a bug, so say so.
            self._report("a datagram of %d bytes could not be handled", len(datagram))
        finally:
            self._doing = before
        return False

    def drained(self) -> None:
        """All that had come is read, or as much as may be in one turn."""
        if self._doing == _LOOKING:
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

    def read_failed(self, error: OSError) -> None:
        """An earlier datagram was refused, mostly: it is counted."""
        self.node.counters.refused += 1
        _log.debug("an earlier datagram was refused: %s", error)

    def _report(self, message: str, *values: object) -> None:
        """Report the exception at hand, though not as often as somebody might like."""
        self.node.counters.errors += 1
        if self._may_log.take(b"", self._loop.time()):
            _log.exception(message, *values)

    def close(self) -> None:
        """Close the sockets; nothing is read or sent any more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        for sock in self.sockets.values():
            sock.close()
