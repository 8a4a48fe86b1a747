"""Noticing a changed outside address within a minute, also where nobody looks anything up.

Routers get another address without telling anybody. Other nodes tell us, in their answers (BEP 42), so
somebody is asked now and then. At the first vote that disagrees several are asked at once, and once they
have answered only what they said counts: votes from before the change would outnumber the new ones until
those very nodes happened to be asked again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping

from ..asking.transaction import Asked, Outcome
from ..lookup.network import Network
from ..wire import krpc
from ..wire.compact import Address, subnet
from .contact import Contact
from .external import ExternalAddress
from .routing import RoutingTable

PING_EVERY = 30.0
"""Seconds between two times that the contact which has been silent longest is pinged."""

TRIES = 3
"""As many contacts are pinged at such a time until one says where it sees us."""

ASKED = 16
"""How many contacts are asked when one disagrees, each in a network of its own."""

PAUSE = 20.0
"""Seconds between the beginnings of two such rounds: a liar must not keep us busy."""


class AddressCheck:
    """Collects the votes on our address in each family, and asks for more where it is in doubt.

    `elected(family)` is called when the vote has another result than before.
    """

    def __init__(
        self,
        network: Network,
        tables: Mapping[int, RoutingTable],
        elected: Callable[[int], None],
        rng: random.Random,
        now: float,
    ) -> None:
        self.external: dict[int, ExternalAddress] = {family: ExternalAddress() for family in tables}
        self.next_due: float = now + PING_EVERY * rng.uniform(0.5, 1.0)
        self._network = network
        self._tables = tables
        self._elected = elected
        self._rounds: dict[int, tuple[float, int]] = {}  # begun when, and how many have not answered yet
        self._next_round = dict.fromkeys(tables, now)

    def poll(self, now: float) -> None:
        """`next_due` has come."""
        self.next_due = now + PING_EVERY
        for table in self._tables.values():
            alive = table.alive()
            alive.sort(key=lambda contact: contact.last_seen)
            self._ping_one(iter(alive[:TRIES]))

    def _ping_one(self, contacts: Iterator[Contact]) -> None:
        contact = next(contacts, None)
        if contact is not None:
            self._network.ask(
                Asked(contact.address, b"ping", {}, lambda outcome: self._pinged(outcome, contacts))
            )

    def _pinged(self, outcome: Outcome, contacts: Iterator[Contact]) -> None:
        if not isinstance(outcome, krpc.Response) or outcome.external is None:
            self._ping_one(contacts)

    def vote(self, family: int, voter: Address, claim: bytes | None, now: float) -> None:
        """A node at `voter` has answered, and says that we are at `claim`, if it does."""
        external = self.external[family]
        if external.vote(voter, claim, now):
            self._elected(family)
        elif external.in_doubt and family not in self._rounds and now >= self._next_round[family]:
            self._ask_around(family, now)

    def _ask_around(self, family: int, now: float) -> None:
        self._next_round[family] = now + PAUSE
        alive = self._tables[family].alive()
        alive.sort(key=lambda contact: -contact.last_seen)
        one_each: dict[bytes, Contact] = {}
        for contact in alive:
            one_each.setdefault(subnet(contact.address), contact)
        chosen = list(one_each.values())[:ASKED]
        if chosen:
            self._rounds[family] = now, len(chosen)
        for contact in chosen:
            ping = Asked(contact.address, b"ping", {}, lambda _: self._one_settled(family))
            if not self._network.ask(ping):
                self._one_settled(family)

    def _one_settled(self, family: int) -> None:
        began, left = self._rounds[family]
        if left > 1:
            self._rounds[family] = began, left - 1
            return
        del self._rounds[family]
        if self.external[family].recount(began):
            self._elected(family)
