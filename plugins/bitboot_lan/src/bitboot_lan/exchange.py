"""Short requests from machine to machine, which go to one program alone: not to the group, nor on its port.

    42 42 51 01     then 00 of a request, 01 of an answer, then the request's id (8 bytes), then the payload

Where there is no answer nothing is sent. No sockets and no clock.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

from bitboot_core import KnownHost
from bitboot_core.aio.limits import AddressLimits, packed
from bitboot_core.aio.requests import Answering

from .settings import Settings

MAX_PAYLOAD = 1_000
"""Bytes, as on other networks."""

MAX_READ = 2_048
"""So many bytes of a datagram are read: more than any request has."""

MAX_WAITING = 1_024
"""Requests under way at once."""

_MAGIC = b"BBQ\1"
_REQUEST, _ANSWER = b"\0", b"\1"
_ID_BYTES = 8
_HEAD_BYTES = len(_MAGIC) + 1 + _ID_BYTES


class Exchange:
    """The requests of one program. `send(datagram, endpoint)` sends them, or loses them."""

    def __init__(self, settings: Settings, send: Callable[[bytes, KnownHost], None]) -> None:
        self._send = send
        self.answering: Answering = Answering()
        self.counters: Counter[str] = Counter()
        self._limits = AddressLimits(settings.requests_per_second, None)
        self._waiting: dict[bytes, tuple[KnownHost, Callable[[bytes], None]]] = {}

    def ask(
        self, endpoint: KnownHost, payload: bytes, on_answer: Callable[[bytes], None]
    ) -> Callable[[], None] | None:
        """Send one request. What is returned gives it up; None where too many are under way."""
        if len(self._waiting) >= MAX_WAITING:
            return None
        id_ = os.urandom(_ID_BYTES)
        self._waiting[id_] = endpoint, on_answer

        def give_up() -> None:
            self._waiting.pop(id_, None)

        self._send(_MAGIC + _REQUEST + id_ + payload, endpoint)
        return give_up

    def receive(self, datagram: bytes, sender: KnownHost, now: float, *, is_neighbour: bool) -> None:
        """Read a datagram. Whatever a stranger sends, it raises nothing."""
        kind, payload = datagram[len(_MAGIC) : len(_MAGIC) + 1], datagram[_HEAD_BYTES:]
        id_ = datagram[len(_MAGIC) + 1 : _HEAD_BYTES]
        if not is_neighbour:
            self.counters["foreign"] += 1
        elif not datagram.startswith(_MAGIC) or len(id_) < _ID_BYTES or len(payload) > MAX_PAYLOAD:
            self.counters["malformed"] += 1
        elif kind == _REQUEST:
            self._answer(id_, payload, sender, now)
        elif kind == _ANSWER:
            self._settle(id_, payload, sender)
        else:
            self.counters["malformed"] += 1

    def _answer(self, id_: bytes, payload: bytes, sender: KnownHost, now: float) -> None:
        if not self._limits.take(packed(sender.host), now):
            self.counters["limited"] += 1
            return
        answer = self.answering.answer(sender, payload, now)
        if answer is not None:
            self._send(_MAGIC + _ANSWER + id_ + answer, sender)

    def _settle(self, id_: bytes, payload: bytes, sender: KnownHost) -> None:
        asked, on_answer = self._waiting.get(id_, (None, None))
        if asked is None or on_answer is None or _without_zone(asked) != _without_zone(sender):
            self.counters["unmatched"] += 1
            return
        del self._waiting[id_]
        on_answer(payload)


def _without_zone(endpoint: KnownHost) -> tuple[str, int]:
    return endpoint.host.partition("%")[0], endpoint.port
