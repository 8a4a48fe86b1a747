"""Keeping the routing table honest: verifying newcomers, checking the silent, refreshing buckets."""

from __future__ import annotations

import random
from collections.abc import Mapping

from .compact import Address
from .peer_store import PeerStore
from .routing import Contact, RoutingTable
from .searches import Network, NodeSearch
from .transactions import Outcome

TICK = 60.0
"""Seconds between rounds of upkeep."""

REFRESHES_PER_TICK = 4
"""Buckets refreshed in one round: a table that went stale at once must not burst."""


class Upkeep:
    """Asks on the routing tables' behalf."""

    def __init__(
        self,
        network: Network,
        tables: Mapping[int, RoutingTable],
        store: PeerStore,
        rng: random.Random,
        now: float,
    ) -> None:
        self._network = network
        self._tables = tables
        self._store = store
        self._rng = rng
        self._checking: set[Address] = set()
        # Nodes that start together must not work in step for ever.
        self.next_tick = now + TICK * rng.uniform(0.5, 1.0)

    def verify(self, address: Address) -> None:
        """A stranger queried us: see whether it answers, which earns it a place (BEP 5)."""
        if len(self._checking) < self._network.settings.max_verifications and not self._network.is_dead(
            address
        ):
            self._ping(address, tries=1)

    def check(self, contact: Contact) -> None:
        """A questionable contact stands in a newcomer's way: ping it, twice at most (BEP 5)."""
        self._ping(contact.address, tries=2)

    def _ping(self, address: Address, tries: int) -> None:
        if address in self._checking:
            return
        if self._network.ask(address, b"ping", {}, lambda outcome: self._settle(address, outcome, tries - 1)):
            self._checking.add(address)

    def _settle(self, address: Address, outcome: Outcome, tries: int) -> None:
        self._checking.discard(address)
        if outcome is None and tries:
            self._ping(address, tries)

    def meet_neighbours(self, family: int) -> None:
        """Our id has changed: look for those who are close to it now, and so let them know us."""
        NodeSearch(self._network, self._network.id, family, _nothing).start()

    def tick(self, now: float) -> None:
        """A round: refresh what has not changed for 15 minutes, forget peers whose time is up."""
        self.next_tick = now + TICK
        self._store.expire(now)
        for family, table in self._tables.items():
            if not len(table):
                continue
            for index in table.stale(now)[-REFRESHES_PER_TICK:]:
                table.touch(index, now)
                NodeSearch(self._network, table.random_id_in(index, self._rng), family, _nothing).start()


def _nothing() -> None:
    """A refresh is done: what it found is in the table already."""
