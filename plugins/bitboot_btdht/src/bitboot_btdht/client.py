"""What the node asks of others: queries of all kinds, for all its parts, and what their outcomes teach."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from .asking.transaction import Outcome, Transaction
from .asking.transactions import Transactions
from .counters import Counters
from .lookup.density import Density
from .server.extensions import Exchange, Extensions
from .settings import Settings
from .table.contact import Contact
from .table.routing import RoutingTable
from .table.surroundings import Surroundings
from .wire import compact, krpc
from .wire.compact import Address
from .wire.node_id import distance

FEW: Final = 3
"""With fewer than so many times k contacts the network has some 30 nodes. In a simulated one of 20 a lookup
that asks many at once takes 0.20 s, not 0.34, and 29 datagrams, not 23; in one of 100 it would be an eighth
more of them at least, for 8 % of the time."""


class Client:
    """Asks for lookups, tables and the node's user: the `Network` that these know (`lookup.searches`).

    `ids` and `tables`: the node's, by family. `transmit(datagram, address)` puts a query on its way. `expire`
    and `on_moved`: see `Surroundings`.
    """

    def __init__(
        self,
        settings: Settings,
        ids: dict[int, bytes],
        tables: dict[int, RoutingTable],
        extensions: Extensions,
        counters: Counters,
        *,
        transmit: Callable[[bytes, Address], None],
        expire: Callable[[float], object],
        on_moved: Callable[[], None],
        rng: random.Random,
        now: float,
    ) -> None:
        self.settings: Settings = settings
        self.ids: dict[int, bytes] = ids
        self.tables: dict[int, RoutingTable] = tables
        self.families: tuple[int, ...] = tuple(tables)
        self.densities: dict[int, Density] = {family: Density() for family in tables}
        """How close to their targets lookups have found nodes, by family."""
        self.now: float = now
        """What time it is: whoever drives the node sets it."""
        self.is_read_only: Callable[[Address], bool] = lambda _: False
        """Whether a query to an address says that this node answers none (BEP 43)."""
        self.postponed: list[Callable[[], None]] = []
        """What answers have led to that need not be done before somebody has what they wait for."""
        self._extensions = extensions
        self._rng = rng
        self._counters = counters
        self.transactions: Transactions = Transactions(settings, rng, transmit, self._ended, self._heard_late)
        self.surroundings: Surroundings = Surroundings(
            self, ids, tables, expire=expire, on_moved=on_moved, rng=rng, now=now
        )

    def ask(self, transaction: Transaction) -> bool:
        """Send a query, and learn from its outcome before whoever asks hears of it: see `lookup.network`."""
        address = transaction.address
        transaction.asked_at = self.now
        transaction.was_surprised = self.surroundings.is_surprised(address, self.now)
        return self.transactions.send(
            transaction,
            self.ids[compact.family(address)],
            self.now,
            read_only=self.is_read_only(address),
        )

    def _ended(self, transaction: Transaction, outcome: Outcome, round_trip: float) -> None:
        if isinstance(outcome, krpc.Response) and transaction.hear(outcome):
            self.postponed.append(partial(self._settle, transaction, outcome, round_trip))
        else:
            self._settle(transaction, outcome, round_trip)

    def _settle(self, transaction: Transaction, outcome: Outcome, round_trip: float) -> None:
        address, asked_at = transaction.address, transaction.asked_at
        if isinstance(outcome, krpc.Response):
            surprised = transaction.was_surprised and not self.surroundings.has_called_since(
                address, asked_at
            )
            self.surroundings.answered(
                outcome, address, self.now, round_trip=round_trip, was_surprised=surprised
            )
            if self._extensions.has_response_observers:
                self._extensions.answered(
                    Exchange(transaction.method, transaction.arguments, outcome, address), self.now
                )
        elif outcome is None:
            self._counters.timeouts += 1
            self.surroundings.unanswered(address, asked_at)
        transaction.settle(outcome)

    def catch_up(self) -> None:
        """Do what was postponed."""
        while self.postponed:
            self.postponed.pop(0)()

    @property
    def hurries(self) -> bool:
        """Whether a lookup asks more nodes at once than can be needed, so as not to wait for the silent.

        Not where answers come so soon that a lookup is work, not waiting: on one machine, in one house.
        """
        return self.transactions.losses.are_many and not self._is_near

    def knows_few(self, family: int) -> bool:
        """Whether the network is so small that many of a lookup's first candidates are among the closest: it
        asks these anyway, and may as well do so at once. Not on one machine, where it is work, not waiting.
        Nor where other lookups are under way: each asks the same few, who take no more than their share.
        """
        is_small = len(self.tables[family]) < FEW * self.settings.k
        return is_small and not self._is_near and len(self.transactions) < self.settings.k

    def quickest(self, family: int) -> list[tuple[bytes, Address]]:
        """All contacts that may answer, the one with the shortest round trip first. For small tables."""
        usable = [one for one in self.tables[family] if not one.failures and not self.is_dead(one.address)]
        usable.sort(key=lambda contact: contact.round_trip)
        return [(contact.id, contact.address) for contact in usable]

    @property
    def _is_near(self) -> bool:
        return 0 < self.transactions.round_trips.mean < self.settings.slow_floor

    def take_turn(self) -> int:
        """A turn for all queries of one operation: of those that have to wait, the first begun go first."""
        return self.transactions.take_turn()

    def is_waiting(self, address: Address) -> bool:
        """Whether queries to `address` wait for their turn: it has had many recently."""
        return self.transactions.is_waiting(address)

    def closest(self, target: bytes, family: int) -> Iterator[tuple[bytes, Address]]:
        """Contacts to begin a lookup with, the nearest first; where none is left but bad ones, these."""
        table, dead, now = self.tables[family], self.transactions.dead, self.now
        is_any_left = False
        for contact in table.beginning(target, 2 * self.settings.k, now):
            if not len(dead) or not dead.contains(contact.address, now):
                is_any_left = True
                yield contact.id, contact.address
        if not is_any_left:
            for contact in sorted(table, key=lambda contact: distance(contact.id, target)):
                yield contact.id, contact.address

    def by_chance(self, target: bytes, family: int, count: int) -> list[tuple[bytes, Address]]:
        """So many good contacts at public addresses, from the target's own bucket only for want of others.

        Whoever has gathered beside the target is in that bucket.
        """
        table = self.tables[family]
        if not table.public:
            return []
        near = table.buckets[table.bucket_index(target)]
        far = [bucket for bucket in table.buckets if bucket is not near]
        chosen: list[Contact] = []
        # As `RoutingTable.is_good` says: written out.
        heard_since = self.now - self.settings.good_for
        for buckets in far, [near]:
            good = [
                contact
                for bucket in buckets
                for contact in bucket.contacts
                if not contact.failures
                and contact.last_seen > heard_since
                and compact.is_public(contact.address)
            ]
            chosen += self._rng.sample(good, min(count - len(chosen), len(good)))
            if len(chosen) == count:
                break
        return [(contact.id, contact.address) for contact in chosen]

    def is_dead(self, address: Address) -> bool:
        """Whether `address` has left several queries in a row unanswered."""
        return self.transactions.dead.contains(address, self.now)

    def try_later(self, address: Address) -> None:
        """Try an address again in a while: nobody answers there now."""
        self.surroundings.upkeep.try_later(address, self.now)

    def _heard_late(
        self, message: krpc.Response | krpc.ErrorReply, address: Address, round_trip: float
    ) -> None:
        if isinstance(message, krpc.Response):
            surprised = self.surroundings.is_surprised(address, self.now)
            self.surroundings.answered(
                message, address, self.now, round_trip=round_trip, was_surprised=surprised
            )
