"""Our requests under way: sent once, matched with their answers, given up when their time is over.

Not as other queries: nothing is learnt from them. A member of a private swarm who is silent is no bad
contact, one who answers may be read-only, and how long a handler takes says nothing of the network.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..settings import Settings
from ..wire import carried, compact, krpc
from ..wire.compact import Address
from .transaction import Outcome
from .transactions import TRANSACTION_BYTES, Transactions

MAX_PAYLOAD = 1_000
"""Bytes. With its frame a datagram then has less than the 1,232 that IPv6 carries everywhere."""


class Asker(Protocol):
    """The node that asks: its `Client`."""

    settings: Settings
    ids: dict[int, bytes]
    now: float
    transactions: Transactions
    is_read_only: Callable[[Address], bool]


@dataclass(slots=True, eq=False)
class _Request:
    address: Address
    datagram: bytes
    on_outcome: Callable[[Outcome], None]
    ends: float
    is_sent: bool = False


class Requests:
    """All of one node, which `asker` tells of. `transmit(datagram, address)` puts one on its way.

    They count among the messages to their address as other queries do (`Window`): one that is too many waits,
    and is not sent at all where its time is over before.
    """

    def __init__(
        self,
        asker: Asker,
        rng: random.Random,
        transmit: Callable[[bytes, Address], None],
    ) -> None:
        self._asker, self._rng, self._transmit = asker, rng, transmit
        self._open: dict[bytes, _Request] = {}
        self._due: list[tuple[float, bytes]] = []

    def __len__(self) -> int:
        return len(self._open)

    def send(
        self,
        address: Address,
        payload: bytes,
        on_outcome: Callable[[Outcome], None],
        *,
        timeout: float,
    ) -> Callable[[], None] | None:
        """Send one. `on_outcome` is called once, with None when `timeout` seconds are over.

        Returns what gives it up, calling nobody; None, and calls nobody, where too many are under way.
        """
        asker, now = self._asker, self._asker.now
        if len(self._open) >= asker.settings.max_requests:
            return None
        id_ = self._new_id()
        own_id = asker.ids[compact.family(address)]
        datagram = carried.request(id_, own_id, payload, read_only=asker.is_read_only(address))
        request = self._open[id_] = _Request(address, datagram, on_outcome, now + timeout)
        heapq.heappush(self._due, (now, id_))
        self.poll(now)

        def give_up() -> None:
            if self._open.get(id_) is request:
                del self._open[id_]

        return give_up

    def _new_id(self) -> bytes:
        while True:
            id_ = self._rng.randbytes(TRANSACTION_BYTES)
            if id_ not in self._open:
                return id_

    def receive(self, message: krpc.Response | krpc.ErrorReply, address: Address) -> bool:
        """Hand an answer to whoever asked. False where nobody asked this of that address."""
        request = self._open.get(message.transaction)
        if request is None or request.address != address:
            return False
        del self._open[message.transaction]
        request.on_outcome(message)
        return True

    def deadline(self) -> float:
        """When `poll` has something to do; infinite where nothing waits."""
        while self._due and self._due[0][1] not in self._open:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else math.inf

    def poll(self, now: float) -> None:
        """Send what may be sent by now, and give up what is overdue."""
        while self.deadline() <= now:
            _, id_ = heapq.heappop(self._due)
            request = self._open[id_]
            if request.ends <= now:
                del self._open[id_]
                request.on_outcome(None)
                continue
            next_due = request.ends
            if not request.is_sent:
                free_at = self._asker.transactions.take_place(request.address, now)
                if free_at > now:
                    next_due = min(free_at, request.ends)
                else:
                    request.is_sent = True
                    self._transmit(request.datagram, request.address)
            heapq.heappush(self._due, (next_due, id_))
