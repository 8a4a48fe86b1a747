"""The library's protocol with its hazards closed, and with calls of our own for sets of peers.

Of the library stay the messages, the calls of its own and what they answer, so that nodes with the
bare library can take part. What it does on the way is done otherwise here:

    it starts tasks for each datagram, and leaves their errors to the loop   nothing starts a task
    it unpacks whatever comes, and calls with whatever arguments             messages.py reads first
    it takes answers from anybody                                            requests.py asks where from
    it takes in whoever writes, under any id                                 only who answers a greeting
    it answers whoever writes, with 13 times the bytes                       gate.py decides
    it pushes all it holds to whoever is new                                 newcomers fetch: healing.py
    it makes a remote call of every attribute it does not have               AttributeError
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from bitboot_core import KnownHost
from bitboot_core.aio.logs import logger

from .acquaintance import NodeSetup
from .answering import Answering
from .exchange import Exchange
from .messages import ANSWER, CALL, HEAD_BYTES, encode_answer, read_args, read_name
from .udp import Transport
from .wire import Address

_log = logger(__name__)


class PeerProtocol(Answering):
    """One node on one socket of one IP family."""

    transport: asyncio.DatagramTransport | None

    def __init__(self, setup: NodeSetup) -> None:
        super().__init__(setup, self._send)
        self.exchange: Exchange = Exchange(setup.settings, setup.now, self._send, self.known_host)
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_open = False
        self._is_congested = False

    def __getattr__(self, name: str) -> Any:
        """The library would make a remote call of any name that is misspelt."""
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    # The socket

    def address_of(self, contact: KnownHost) -> Address:
        """Where to ask a contact whose host is an IP address. The zone of a link-local one is remembered."""
        if isinstance(self.transport, Transport):
            self.transport.remember(contact)
        return contact.host.partition("%")[0], contact.port

    def known_host(self, address: Address) -> KnownHost:
        """The address of a node, with the zone that it needs here, if any."""
        return (
            self.transport.known_host(address)
            if isinstance(self.transport, Transport)
            else KnownHost(*address)
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ready."""
        self.transport = cast("asyncio.DatagramTransport", transport)
        self._is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed: nobody will answer any more."""
        self.close()
        if not self.closed.done():
            self.closed.set_result(None)

    def close(self) -> None:
        """Stop receiving and sending. What waits for an answer has none."""
        self._is_open = False
        self.requests.close()
        self.exchange.close()
        if self.transport is not None:
            self.transport.close()
        elif not self.closed.done():
            self.closed.set_result(None)  # it never had a socket

    def pause_writing(self) -> None:
        """The socket takes no more: what is sent now is lost, as it may be anywhere on its way."""
        self._is_congested = True

    def resume_writing(self) -> None:
        """It does again."""
        self._is_congested = False

    def error_received(self, exc: Exception) -> None:
        """An earlier datagram could not be sent, or was refused: the other side's affair."""
        self.counters["refused"] += 1

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """A datagram has come from a stranger. Whatever it holds, nothing is raised."""
        if not self._is_open:
            return
        self.counters["received"] += 1
        self.counters["received_bytes"] += len(data)
        try:
            self._receive(data, (addr[0], addr[1]))
        except ValueError as error:
            self.counters["malformed"] += 1
            _log.debug("a datagram from %s: %s", addr, error)
        except Exception:  # noqa: BLE001 - logged with its traceback
            # The last line of defence: a stranger must never stop the node. It is a bug, so say so.
            self.counters["errors"] += 1
            _log.exception("a datagram of %d bytes could not be handled", len(data))

    def _receive(self, data: bytes, address: Address) -> None:
        if not HEAD_BYTES < len(data) <= self.settings.max_datagram:
            raise ValueError(f"{len(data)} bytes")
        kind, message_id, packed = data[0], data[1:HEAD_BYTES], data[HEAD_BYTES:]
        if kind == ANSWER:
            receivers = (self.requests.receive, self.exchange.receive)
            if not any(receive(message_id, packed, address) for receive in receivers):
                self.counters["strays"] += 1
        elif kind == CALL:
            answer = self.exchange.answer(message_id, packed, address)
            if answer is not None:
                self._send(answer, address)
            elif not self.read_only:
                self._answer(message_id, packed, address)
        else:
            raise ValueError("neither a call nor an answer")

    def _answer(self, message_id: bytes, packed: bytes, address: Address) -> None:
        name = read_name(packed)
        sender = self.gate.admit(name, packed, HEAD_BYTES + len(packed), address)
        if sender is None:
            self.counters["unanswered"] += 1
            return
        args = read_args(name, packed)
        self.counters["calls"] += 1
        answer = getattr(self, f"rpc_{name}")(sender, *args)
        self._send(encode_answer(message_id, answer), address)

    def _send(self, datagram: bytes, address: Address) -> None:
        if self.transport is not None and self._is_open and not self._is_congested:
            self.counters["sent"] += 1
            self.counters["sent_bytes"] += len(datagram)
            self.transport.sendto(datagram, address)
