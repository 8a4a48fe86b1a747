"""Requests of other nodes, answered by a handler of the node's user, also where it serves nobody (BEP 43).

To whoever is given no answer, the node is one that has never heard of the method: the same bytes, or none.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

from bitboot_core.aio.limits import AddressLimits, Allowance

from ..asking.requests import MAX_PAYLOAD
from ..settings import Settings
from ..wire import carried, krpc
from ..wire.compact import Address

Handler: TypeAlias = Callable[[Address, bytes], bytes | None]
"""Takes the sender and the payload; gives the answer, at most as long, or None. Raises nothing."""

MAX_ASKED = 4_096
"""Addresses that we have asked ourselves, remembered so that floods of strangers do not cost us theirs."""


class Requested:
    """Asks the handler, as often as each address, its network and all together may have it asked."""

    def __init__(self, settings: Settings) -> None:
        self.handler: Handler | None = None
        self._asked: OrderedDict[bytes, None] = OrderedDict()
        self._limits = AddressLimits(
            settings.requests_per_second_per_ip, settings.requests_per_second_per_subnet
        )
        most = settings.requests_per_second
        self._strangers = None if most is None else Allowance(most, most, max_keys=1)

    def asked(self, address: Address) -> None:
        """We have sent a request there."""
        ip = address[:-2]
        self._asked[ip] = None
        self._asked.move_to_end(ip)
        if len(self._asked) > MAX_ASKED:
            self._asked.popitem(last=False)

    def answer(
        self, own_id: bytes, query: krpc.Query, length: int, address: Address, now: float
    ) -> bytes | None:
        """The datagram to answer a query of `length` bytes with; None: nobody answers it.

        It is no longer than the query, so that a forged sender is no amplifier.
        """
        payload = query.arguments.get(b"payload")
        if self.handler is None or query.method != carried.METHOD or not isinstance(payload, bytes):
            return None
        if len(payload) > MAX_PAYLOAD or not self._has_time_for(address[:-2], now):
            return None
        answer = self.handler(address, payload)
        if answer is None:
            return None
        reply = carried.answer(query.transaction, own_id, answer)
        return reply if len(reply) <= length else None

    def _has_time_for(self, ip: bytes, now: float) -> bool:
        strangers = None if ip in self._asked else self._strangers
        if strangers is not None and strangers.level(b"", now) < 1.0:
            return False  # first of all: in a flood it is the cheapest to find out
        return self._limits.take(ip, now) and (strangers is None or strangers.take(b"", now))
