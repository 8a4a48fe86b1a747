"""Our queries under way: sent, matched with their answers, called slow, given up."""

from __future__ import annotations

import heapq
import math
import random
from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from typing import Final

from ..settings import Settings
from ..wire import krpc
from ..wire.compact import Address
from .held import Held
from .losses import Losses
from .patience import Patience
from .rates import DeadContacts
from .round_trips import RoundTrips
from .transaction import Outcome, Transaction
from .window import Kind, Window

TRANSACTION_BYTES: Final = 4
"""Enough that a stranger who forges the address as well has no chance of guessing."""

DRAWN: Final = 16
"""For so many ids the system is asked for chance at once, which takes longer than all else about an id."""

FIRST_GUESS: Final = 0.25
"""What a round trip is taken to be before any has been measured, in seconds."""

HURRIED: Final = 1
"""By how many deviations a round trip is longer than the mean that is slow for a lookup in a hurry, not four.
On a simulated live DHT lookups that wait for two or more take longer, and find no more."""


LATE: Final = 30.0
"""Seconds after which an answer teaches nothing any more. Satellites and onion routes take up to some 6."""


class Transactions:
    """All queries of one node. Every one of them ends: answered, refused, given up or not wanted any more.

    A query waits where too many are under way, and where its node has had its share of messages: then
    it is sent as soon as the `Window` allows.

    `transmit(datagram, address)` puts a datagram on its way. `on_end(transaction, outcome, round_trip)` is
    told what has become of one, `on_late(message, address, round_trip)` of answers to what has been given up.
    """

    def __init__(
        self,
        settings: Settings,
        rng: random.Random,
        transmit: Callable[[bytes, Address], None],
        on_end: Callable[[Transaction, Outcome, float], None],
        on_late: Callable[[krpc.Response | krpc.ErrorReply, Address, float], None],
    ) -> None:
        self._settings = settings
        self._rng = rng
        self._transmit = transmit
        self._on_end = on_end
        self._on_late = on_late
        self._ids = b""  # drawn, and as yet given to nobody
        # A generator with a seed, as simulations have, costs little, and what it gives others stays the same.
        self._drawn = TRANSACTION_BYTES * (DRAWN if isinstance(rng, random.SystemRandom) else 1)
        self._open: dict[bytes, Transaction] = {}
        self._given_up: OrderedDict[bytes, tuple[Address, float]] = OrderedDict()  # whom, and sent when
        self._line: list[Transaction] = []  # mostly empty, and a deque takes 0.7 KiB then
        self._turns = count()
        self._due: list[tuple[float, bytes]] = []
        self._last_heard = float("-inf")
        self.round_trips: RoundTrips = RoundTrips(
            guess=FIRST_GUESS,
            slow=(settings.slow_floor, settings.slow_ceiling),
            timeout=(settings.timeout_floor, settings.timeout_ceiling),
        )
        self.patience: Patience = Patience((settings.slow_floor, settings.slow_ceiling))
        self.losses: Losses = Losses()
        self.dead: DeadContacts = DeadContacts(settings)
        limit = settings.messages_per_10s_per_node
        self._window = None if limit is None else Window(limit)
        self._held: Held[Transaction] = Held(self._window)
        self.timeouts: int = 0

    def __len__(self) -> int:
        return len(self._open) + len(self._line) + self._held.count

    def send(self, transaction: Transaction, own_id: bytes, now: float, *, read_only: bool = False) -> bool:
        """Send a query, or put it in line.

        `on_end` is told of it once, and before that the transaction, at most once each, that it is `overdue`
        and then that it is `slow`; nobody of anything where it is no longer wanted when its turn comes: then
        it is not sent at all. Returns False, and tells nobody, where too many wait already.
        """
        others_wait = bool(self._line) or self._held.count > 0
        if others_wait and len(self._line) + self._held.count >= 8 * self._settings.max_transactions:
            return False
        transaction.id = self._new_id()
        transaction.datagram = krpc.query(
            transaction.id,
            transaction.method,
            {b"id": own_id, **transaction.arguments},
            read_only=read_only,
        )
        if transaction.turn < 0:
            transaction.turn = self.take_turn()
        if others_wait or len(self._open) >= self._settings.max_transactions:
            self._line.append(transaction)
            self._next_in_line(now)
        else:
            self._admit(transaction, now)
        return True

    def take_turn(self) -> int:
        """A turn for all queries of one operation.

        Those that began first end first. If all had the same right, none would be done before its
        time is up where many begin at once.
        """
        return next(self._turns)

    def is_waiting(self, address: Address) -> bool:
        """Whether queries to `address` are held back, since it has had its share of messages."""
        return address in self._held

    def take_place(self, address: Address, now: float) -> float:
        """When one more query to `address` may be sent by somebody else; counts it where that is now."""
        if self._window is None or self._window.take(address, Kind.QUERY, now):
            return now
        return self._window.free_at(address, Kind.QUERY, now)

    def expects_much(self, address: Address) -> bool:
        """Whether `address` was asked something that may have a long answer: anything but a ping."""
        return any(
            transaction.address == address and transaction.method != b"ping"
            for transaction in self._open.values()
        )

    def may_answer(self, address: Address, now: float) -> bool:
        """Whether an answer may be sent to `address`; counts it if so."""
        return self._window is None or self._window.take(address, Kind.ANSWER, now)

    def _new_id(self) -> bytes:
        while True:
            if not self._ids:
                # As `randbytes` does it: written out, that is one call of plain Python less.
                self._ids = self._rng.getrandbits(8 * self._drawn).to_bytes(self._drawn, "little")
            id_, self._ids = self._ids[:TRANSACTION_BYTES], self._ids[TRANSACTION_BYTES:]
            if id_ not in self._open:
                return id_

    def _launch(self, transaction: Transaction, now: float) -> None:
        transaction.sent_at = now
        transaction.due = now + (self.patience.mark if transaction.is_watched else self.round_trips.slow)
        self._open[transaction.id] = transaction
        heapq.heappush(self._due, (transaction.due, transaction.id))
        self._transmit(transaction.datagram, transaction.address)

    def receive(self, message: krpc.Response | krpc.ErrorReply, address: Address, now: float) -> bool:
        """Hand an answer to whoever asked. False where nobody asked this of that address."""
        transaction = self._open.get(message.transaction)
        if transaction is None:
            return self._receive_late(message, address, now)
        if transaction.address != address:
            return False
        del self._open[transaction.id]
        round_trip = self._heard(address, transaction.sent_at, now)
        if transaction.is_counted:
            self.losses.add(answered=True)
        if self._line or self._held.count:
            self._next_in_line(now)
        self._on_end(transaction, message, round_trip)
        return True

    def _heard(self, address: Address, sent_at: float, now: float) -> float:
        round_trip = max(0.0, now - sent_at)
        self.round_trips.add(round_trip)
        self.patience.add(round_trip)
        self._last_heard = now
        self.dead.alive(address)
        return round_trip

    def _receive_late(self, message: krpc.Response | krpc.ErrorReply, address: Address, now: float) -> bool:
        """Learn from an answer to what was given up, or where all take so long none would ever be in time."""
        asked, sent_at = self._given_up.get(message.transaction, (None, 0.0))
        if asked != address:
            return False
        del self._given_up[message.transaction]
        if now - sent_at > LATE:
            return False
        self._on_late(message, address, self._heard(address, sent_at, now))
        return True

    def _next_in_line(self, now: float) -> None:
        while len(self._open) < self._settings.max_transactions:
            transaction = self._held.next(now)
            if transaction is None:
                if not self._line:
                    return
                transaction = self._line.pop(0)
            self._admit(transaction, now)

    def _admit(self, transaction: Transaction, now: float) -> None:
        """It is a query's turn: send it, unless nobody wants it any more, or its node has had its share."""
        if not transaction.is_wanted():
            return
        if transaction.id in self._open:  # its id was given out again while it waited
            self._on_end(transaction, None, 0.0)
        elif self._window is None or self._window.take(transaction.address, Kind.QUERY, now):
            self._launch(transaction, now)
        else:
            self._held.add(transaction, transaction.address, transaction.turn, now)

    def deadline(self) -> float:
        """When `poll` has something to do; infinite where nothing waits."""
        return min(self._next_due(), self._held.deadline())

    def _next_due(self) -> float:
        while self._due:
            due, id_ = self._due[0]
            transaction = self._open.get(id_)
            if transaction is not None and transaction.due == due:
                return due
            heapq.heappop(self._due)
        return math.inf

    def poll(self, now: float) -> None:
        """Say what is overdue or slow by now, give up what has had its time, send what had to wait."""
        self._held.look(now)
        self._next_in_line(now)
        while (due := self._next_due()) <= now:
            _, id_ = heapq.heappop(self._due)
            transaction = self._open[id_]
            if transaction.is_slow:
                self._give_up(transaction, now)
            elif transaction.is_watched:
                transaction.is_watched = False
                slow = min(self.round_trips.above_mean(HURRIED), self._settings.hurried_slow_ceiling)
                transaction.due = max(due, transaction.sent_at + slow)
                heapq.heappush(self._due, (transaction.due, id_))
                transaction.overdue()
            else:
                transaction.is_slow = True
                transaction.due = max(due, transaction.sent_at + self.round_trips.timeout)
                heapq.heappush(self._due, (transaction.due, id_))
                transaction.slow()

    def _give_up(self, transaction: Transaction, now: float) -> None:
        del self._open[transaction.id]
        if transaction.is_counted:
            self.losses.add(answered=False)
        self._given_up[transaction.id] = transaction.address, transaction.sent_at
        if len(self._given_up) > self._settings.max_transactions:
            self._given_up.popitem(last=False)
        self.timeouts += 1
        # If nobody at all was heard since, it is as likely that we are offline.
        if self._last_heard >= transaction.sent_at:
            self.dead.failed(transaction.address, now)
        self._next_in_line(now)
        self._on_end(transaction, None, now - transaction.sent_at)
