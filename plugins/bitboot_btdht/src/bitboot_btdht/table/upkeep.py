"""Keeping the routing table honest: verifying newcomers, checking the silent, refreshing buckets.

And finding the way back: those who were lost are tried again, and the neighbourhood is looked over.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial

from ..asking.transaction import Asked, Outcome
from ..lookup.bootstrap import Bootstrap
from ..lookup.network import Network
from ..lookup.searches import NodeSearch
from ..wire import krpc
from ..wire.compact import Address
from ..wire.compact import family as family_of
from ..wire.node_id import random_id
from .contact import Contact
from .lost_contacts import Former
from .newcomers import Newcomers
from .routing import RoutingTable

TICK = 60.0
"""Seconds between rounds of upkeep."""

REFRESHES_PER_TICK = 4
"""Buckets refreshed in one round: a table that went stale at once must not burst."""

GROWTH = 1.25
"""A table that has grown by so much since the last look at our neighbourhood calls for another."""

LONGEST_PAUSE = 3600.0
"""Our neighbourhood is looked over after 1 minute, 2, 4, and so on; never more rarely than this."""


class Neighbourhood:
    """When to look for our neighbours again.

    While a network comes together, or two of them do, those who joined at the same time do not know
    each other: one look, at the beginning, is not enough.
    """

    def __init__(self) -> None:
        self._known = 0
        self._due = 0.0
        self._pause = TICK / 2

    def is_due(self, contacts: int, now: float) -> bool:
        """Whether to look now, with so many contacts in the table. Plans the next time if so."""
        grown = contacts > GROWTH * self._known
        if not grown and now < self._due:
            return False
        self._pause = TICK if grown else min(2 * self._pause, LONGEST_PAUSE)
        self._known, self._due = contacts, now + self._pause
        return True


class Upkeep:
    """Asks on the routing tables' behalf."""

    def __init__(
        self,
        network: Network,
        tables: Mapping[int, RoutingTable],
        expire: Callable[[float], object],
        rng: random.Random,
        now: float,
    ) -> None:
        self._network = network
        self._tables = tables
        self._expire = expire
        self._rng = rng
        self._checking: set[Address] = set()
        self._settled_at = now + network.settings.nat_memory
        self.newcomers: dict[int, Newcomers] = {family: Newcomers(network.settings) for family in tables}
        self._former = {family: Former() for family in tables}
        self._neighbourhoods = {family: Neighbourhood() for family in tables}
        self._looks = dict.fromkeys(tables, network.settings.first_looks)
        # Nodes that start together must not work in step for ever.
        self.next_tick: float = now + TICK * rng.uniform(0.5, 1.0)

    def called(self, node_id: bytes, address: Address, now: float, *, is_reachable: bool) -> None:
        """A node queried us that could have a place. A ping earns it one (BEP 5): `newcomers` says when."""
        family = family_of(address)
        if not is_reachable:
            self.newcomers[family].add(node_id, address, now)
        if is_reachable or self._cannot_wait(family, now):
            self._verify(address, tries=1)

    def may_enter(self, address: Address, now: float) -> bool:
        """Whether one that others may not be able to reach gets a place by its answer, or keeps its own."""
        family = family_of(address)
        table = self._tables[family]
        known = table.get(address)
        return self._cannot_wait(family, now) if known is None else not table.is_bad(known)

    def _cannot_wait(self, family: int, now: float) -> bool:
        return now < self._settled_at or len(self._tables[family]) < self._network.settings.few_contacts

    def _verify_newcomers(self, family: int, now: float) -> None:
        table, room = self._tables[family], self._network.settings.max_verifications - len(self._checking)
        for node_id, address in self.newcomers[family].due(now, room):
            if table.get(address) is not None:
                self._verify(address, tries=2)  # it came when we could not wait
            elif table.would_take(node_id, address, now):
                self._verify(address, tries=1)

    def _verify(self, address: Address, tries: int) -> None:
        if len(self._checking) < self._network.settings.max_verifications and not self._network.is_dead(
            address
        ):
            self._ping(address, tries)

    def check(self, contact: Contact) -> None:
        """A questionable contact stands in a newcomer's way: ping it, twice at most (BEP 5)."""
        self._ping(contact.address, tries=2)

    def _ping(self, address: Address, tries: int) -> None:
        if address in self._checking:
            return
        ping = Asked(address, b"ping", {}, lambda outcome: self._settle(address, outcome, tries - 1))
        if self._network.ask(ping):
            self._checking.add(address)

    def _settle(self, address: Address, outcome: Outcome, tries: int) -> None:
        self._checking.discard(address)
        if outcome is None and tries:
            self._ping(address, tries)

    def meet_neighbours(self, family: int) -> None:
        """Our id there has changed: look for those who are close to it now, and so let them know us."""
        NodeSearch(self._network, self._network.ids[family], family, _nothing).start()

    def tick(self, now: float) -> None:
        """A round: refresh what has not changed for 15 minutes, forget peers whose time is up."""
        self.next_tick = now + TICK
        self._expire(now)
        for family, table in self._tables.items():
            self._try_former(family, now)
            self._verify_newcomers(family, now)
            if not len(table):
                continue
            if self._neighbourhoods[family].is_due(len(table), now):
                self.meet_neighbours(family)
            if self._looks[family]:
                self._looks[family] -= 1
                NodeSearch(self._network, random_id(self._rng), family, _nothing).start()
            for index in table.stale(now)[-REFRESHES_PER_TICK:]:
                table.touch(index, now)
                NodeSearch(self._network, table.random_id_in(index, self._rng), family, _nothing).start()

    def try_later(self, address: Address, now: float) -> None:
        """Nobody answers at `address` now; there may be somebody again."""
        former = self._former.get(family_of(address))
        if former is not None:
            former.add(address, now)

    def _try_former(self, family: int, now: float) -> None:
        table, former = self._tables[family], self._former[family]
        for address in table.dropped:
            former.add(address, now)
        table.dropped.clear()
        for contact in table:
            if table.is_bad(contact):
                former.add(contact.address, now)
        for address in former.due(now):
            self._network.ask(Asked(address, b"ping", {}, partial(self._former_heard, family, address, now)))

    def _former_heard(self, family: int, address: Address, now: float, outcome: Outcome) -> None:
        if not isinstance(outcome, krpc.Response):
            return
        settings = self._network.settings
        was_long = self._former[family].back(address, now) >= settings.good_for
        # It may have come back with a whole network that knows nothing of us: join that too. Within less time
        # than contacts stay good the halves of a network do not lose each other.
        if was_long or len(self._tables[family]) < settings.few_contacts:
            Bootstrap(self._network, [address], family, _no_matter).start()


def _no_matter(answered: int) -> None:
    """A former contact is back: whom it knows is in the table already."""


def _nothing() -> None:
    """A refresh is done: what it found is in the table already."""
