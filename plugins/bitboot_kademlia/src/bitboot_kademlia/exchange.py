"""Short requests from node to node: the call `bitboot`, whose one argument is bytes, and so is its answer.

    call      00 + id (20) + 92 a7 "bitboot" 91 + msgpack bytes
    answer    01 + id (20) + msgpack bytes

Where there is no answer, nothing is sent, as by every node that does not know the call; nor does such a call
count for or against whoever made it. So nobody can tell whether a node has a handler. It is sent once, and
silence counts against no contact.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable

import umsgpack

from bitboot_core import BackendError, BackendTimeout, KnownHost, NotRunning
from bitboot_core.aio.limits import AddressLimits, Allowance, packed
from bitboot_core.aio.requests import Answering

from .messages import MESSAGE_ID_BYTES, encode_answer, encode_call
from .settings import Settings
from .wire import Address

MAX_PAYLOAD = 1_000
"""Bytes. The datagram then has less than the 1,232 that IPv6 carries everywhere."""

NAME = "bitboot"
_CALL = bytes(umsgpack.packb([NAME, [b""]]))[: -len(umsgpack.packb(b""))]

MAX_ASKED = 4_096
"""Hosts that we have asked ourselves, remembered so that floods of strangers do not cost us theirs."""


class Exchange:
    """The requests of one node. `known_host` gives an address the zone that it needs."""

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], float],
        send: Callable[[bytes, Address], None],
        known_host: Callable[[Address], KnownHost],
    ) -> None:
        self._settings, self._now, self._send, self._known_host = settings, now, send, known_host
        self.answering: Answering = Answering()
        self._waiting: dict[bytes, tuple[Address, asyncio.Future[bytes]]] = {}
        self._asked: OrderedDict[str, None] = OrderedDict()
        self._limits = AddressLimits(settings.calls_per_stranger, settings.calls_per_strange_network)
        self._strangers = Allowance(settings.calls_of_strangers, settings.calls_of_strangers, max_keys=1)

    # Asking

    async def ask(self, address: Address, payload: bytes, timeout: float) -> bytes:
        """The answer of the node there. Raises BackendTimeout, NotRunning, or BackendError."""
        if len(self._waiting) >= self._settings.max_outstanding:
            raise BackendError("too many requests are under way", hint="wait until some have been answered")
        self._note(address[0])
        message_id = os.urandom(MESSAGE_ID_BYTES)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = address, answer
        self._send(encode_call(message_id, NAME, [payload]), address)
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise BackendTimeout(
                f"{self._known_host(address)} did not answer within {timeout:g} s",
                hint="it may be gone, have no answer, or be behind a NAT that does not let this machine in",
            ) from None
        finally:
            del self._waiting[message_id]

    def _note(self, host: str) -> None:
        self._asked[host] = None
        self._asked.move_to_end(host)
        if len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)

    def receive(self, message_id: bytes, answer: bytes, address: Address) -> bool:
        """An answer has come; whether anybody had asked for it there. Raises ValueError where it is none."""
        asked, waiter = self._waiting.get(message_id, (None, None))
        if asked != address or waiter is None:
            return False
        payload = _read(answer)
        if not waiter.done():
            waiter.set_result(payload)
        return True

    def close(self) -> None:
        """Nobody will answer any more."""
        for _, waiter in self._waiting.values():
            if not waiter.done():
                waiter.set_exception(NotRunning("the node was closed meanwhile"))

    # Answering

    def answer(self, message_id: bytes, call: bytes, address: Address) -> bytes | None:
        """The datagram that answers a call; None where it is another one, or nobody answers it."""
        if not self.answering.handlers or not call.startswith(_CALL):
            return None
        try:
            payload = _read(call[len(_CALL) :])
        except ValueError:
            return None
        if not self._has_time_for(address[0]):
            return None
        answer = self.answering.answer(self._known_host(address), payload, self._now())
        return None if answer is None else encode_answer(message_id, answer)

    def _has_time_for(self, host: str) -> bool:
        now = self._now()
        return self._limits.take(packed(host), now) and (
            host in self._asked or self._strangers.take(b"", now)
        )


def _read(value: bytes) -> bytes:
    """The bytes in a msgpack of nothing else. Raises ValueError where it is that of something else."""
    head = {0xC4: 2, 0xC5: 3}.get(value[0] if value else 0, 0)
    if (
        not head
        or len(value) - head > MAX_PAYLOAD
        or int.from_bytes(value[1:head], "big") != len(value) - head
    ):
        raise ValueError("no bytes, or too many")
    return value[head:]
