"""The engine: a BEP 5 node without sockets or clock.

Datagrams and the time go in, datagrams and a deadline come out. Whoever drives it calls
`receive(datagram, address, now)` for each datagram, `poll(now)` when `deadline()` has come, and
sends what `outgoing()` returns after either, or after starting anything:

    node.find_peers(info_hash, on_peers, on_done, now=clock())
    for datagram, address in node.outgoing():
        socket.sendto(datagram, unpack(address))

`now` is any steadily growing number of seconds. Nothing here blocks, sleeps or raises because of
what a stranger sent. Callbacks run inside the call that led to them and must not raise.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from .asking.transactions import Outcome, Transactions
from .lookup.announce import Announce
from .lookup.bootstrap import Bootstrap
from .lookup.per_family import InFamilies, Operation
from .lookup.sampled import SampledSearch, SampledSearches
from .server.extensions import Exchange, Extensions
from .server.peer_store import PeerStore
from .server.reply_limits import Room
from .server.responder import Responder
from .server.tokens import Tokens
from .settings import Settings
from .table.address_check import AddressCheck
from .table.external import ExternalAddress
from .table.reach import Reach
from .table.routing import RoutingTable
from .table.upkeep import Upkeep
from .wire import compact, krpc
from .wire.compact import Address
from .wire.node_id import id_for, random_id

_PLAIN = 250
"""Shorter datagrams, nearly all there are, cannot take long to read."""


class Node:
    """One node of the mainline DHT, in one or both IP families.

    In each family it has a table and an id of its own, since an id has to fit the address (BEP 42) and
    cannot fit two. `node_id`: the id in all of them, until their addresses are known; random by default.
    `read_only`: ask and announce but serve nobody, as short-lived clients should (BEP 43).
    """

    def __init__(
        self,
        *,
        now: float,
        settings: Settings | None = None,
        families: Iterable[int] = (4,),
        node_id: bytes | None = None,
        read_only: bool = False,
        rng: random.Random | None = None,
    ) -> None:
        self.settings: Settings = settings or Settings()
        self.read_only = read_only
        self.counters: Counter[str] = Counter()
        self.now: float = now
        self._rng = rng or random.SystemRandom()
        self.families: tuple[int, ...] = tuple(families)
        self.ids: dict[int, bytes] = {family: node_id or random_id(self._rng) for family in self.families}
        self.tables: dict[int, RoutingTable] = {
            family: RoutingTable(own_id, self.settings, now) for family, own_id in self.ids.items()
        }
        self.store: PeerStore = PeerStore(self.settings, self._rng)
        self.on_moved: Callable[[], None] = lambda: None
        """Called when our address as others see it has changed, or has become known."""
        self._outgoing: list[tuple[bytes, Address]] = []
        self.transactions: Transactions = Transactions(
            self.settings, self._rng, self._transmit, self._heard_late
        )
        self.extensions: Extensions = Extensions()
        self._responder = Responder(
            self.settings, self.tables, self.store, Tokens(now, self._rng), self.extensions
        )
        self._upkeep = Upkeep(self, self.tables, self.store.expire, self._rng, now)
        self._address_check = AddressCheck(self, self.tables, self._move, self._rng, now)
        self.external: dict[int, ExternalAddress] = self._address_check.external
        self.reach: dict[int, Reach] = {
            family: Reach(external, self.settings.max_asked, now)
            for family, external in self.external.items()
        }
        """By family, what is known of whether others can reach this node."""

    @property
    def id(self) -> bytes:
        """Its id in the first of its families."""
        return self.ids[self.families[0]]

    # Driven from outside

    def receive(self, datagram: bytes, address: Address, now: float) -> bool:
        """A datagram has come in from `address`. Whether it answers a query of ours."""
        self.now = now
        self.counters["received"] += 1
        if not self._is_worth_reading(datagram, address):
            self.counters["dropped"] += 1
            return False
        reach = self.reach.get(compact.family(address))
        if reach is not None:
            reach.heard(now)
        try:
            message = krpc.parse(datagram, address)
        except krpc.Malformed as malformed:
            self.counters["malformed"] += 1
            if malformed.answer is not None:
                self._refuse(malformed.answer, address)
            return False
        if isinstance(message, krpc.Query):
            if len(datagram) > self.settings.max_query:
                self.counters["dropped"] += 1
            else:
                self._receive_query(message, address)
            return False
        if not self.transactions.receive(message, address, now):
            self.counters["unmatched"] += 1
            return False
        return True

    def _is_worth_reading(self, datagram: bytes, address: Address) -> bool:
        size = len(datagram)
        if size > self.settings.max_datagram or len(address) not in (6, 18):
            return False
        is_short = size <= self.settings.max_query and (size < _PLAIN or krpc.has_few_parts(datagram))
        return is_short or self.transactions.expects_much(address)

    def poll(self, now: float) -> None:
        """Do what is due."""
        self.now = now
        self.transactions.poll(now)
        if now >= self._upkeep.next_tick:
            self._upkeep.tick(now)
        if now >= self._address_check.next_due:
            self._address_check.poll(now)

    def deadline(self) -> float:
        """When `poll` is to be called next."""
        planned = min(self._upkeep.next_tick, self._address_check.next_due)
        first = self.transactions.deadline()
        return planned if first is None else min(first, planned)

    def outgoing(self) -> list[tuple[bytes, Address]]:
        """The datagrams to send now, each handed out once."""
        ready, self._outgoing = self._outgoing, []
        return ready

    # What a node can be asked to do

    def bootstrap(
        self, contacts: Iterable[Address], on_done: Callable[[int], None], *, now: float
    ) -> Operation:
        """Find a place in the network through `contacts`. Reports how many of them answered."""
        self.now = now
        contacts = list(contacts)
        return InFamilies(
            self.tables,
            lambda family, done: Bootstrap(
                self, [c for c in contacts if compact.family(c) == family], family, done
            ),
            on_done,
        ).start()

    def find_peers(
        self,
        info_hash: bytes,
        on_peers: Callable[[list[Address]], None],
        on_done: Callable[[], None],
        *,
        now: float,
    ) -> SampledSearches:
        """Look `info_hash` up. `on_peers` is called with new arrivals, repeats included.

        What is returned says afterwards whether anybody has replied.
        """
        self.now = now
        most = self.settings.max_peers_per_hash
        return SampledSearches(
            self.tables,
            lambda family, done: SampledSearch(
                self,
                info_hash,
                family,
                on_peers,
                lambda: done(0),
                stored=self.store.get(info_hash, family, most, now),
            ),
            lambda _: on_done(),
        ).start()

    def announce(
        self,
        info_hash: bytes,
        port: int,
        on_done: Callable[[int], None],
        *,
        now: float,
        families: Iterable[int] | None = None,
    ) -> Operation:
        """Announce ourselves under `info_hash`. Reports how many nodes stored it.

        `port` 0 means the port that our datagrams are seen to come from (`implied_port`).
        `families`: where to announce, all of the node's unless given.
        """
        self.now = now
        chosen = [family for family in self.tables if families is None or family in families]
        return InFamilies(
            chosen, lambda family, done: Announce(self, info_hash, family, port, done), on_done
        ).start()

    def query(
        self,
        address: Address,
        method: bytes,
        arguments: dict[bytes, Any],
        on_outcome: Callable[[Outcome], None],
        *,
        now: float,
    ) -> bool:
        """Send one query of any method, for whoever extends the protocol.

        `on_outcome` gets the Response, the ErrorReply, or None where nothing came in time. Returns
        False, and calls nobody, where too many wait already. What exceeds 40 messages to one node in
        10 seconds waits for its turn.
        """
        self.now = now
        return self.ask(address, method, arguments, on_outcome)

    # What its own parts need of it (searches.Network)

    def ask(
        self,
        address: Address,
        method: bytes,
        arguments: dict[bytes, Any],
        on_outcome: Callable[[Outcome], None],
        *,
        on_slow: Callable[[], None] | None = None,
        wanted: Callable[[], bool] | None = None,
        turn: int | None = None,
    ) -> bool:
        """Send a query, and learn from its outcome before `on_outcome` hears of it."""
        family, asked = compact.family(address), self.now

        def settle(outcome: Outcome, round_trip: float) -> None:
            if isinstance(outcome, krpc.Response):
                self._learn(outcome, address, round_trip)
                self.extensions.answered(Exchange(method, arguments, outcome, address), self.now)
            elif outcome is None:
                self.counters["timeouts"] += 1
                self.tables[family].failed(address)
                self.reach[family].unanswered(address, asked)
            on_outcome(outcome)

        self.reach[family].asked(address)
        return self.transactions.send(
            address,
            method,
            {b"id": self.ids[family], **arguments},
            self.now,
            settle,
            on_slow=on_slow,
            wanted=wanted,
            turn=turn,
            read_only=self.read_only,
        )

    def take_turn(self) -> int:
        """A turn for all queries of one operation: of those that have to wait, the first begun go first."""
        return self.transactions.take_turn()

    def must_wait(self, address: Address) -> bool:
        """Whether a query to `address` would have to wait: it has had so many of late."""
        return self.transactions.must_wait(address, self.now)

    def closest(self, target: bytes, family: int) -> list[tuple[bytes, Address]]:
        """Contacts to begin a lookup with; where none is left but bad ones, these."""
        table = self.tables[family]
        alive = [
            contact
            for contact in table.closest(target, 2 * self.settings.k, self.now)
            if not self.is_dead(contact.address)
        ]
        return [(contact.id, contact.address) for contact in alive or table]

    def alive_contacts(self) -> list[Address]:
        """Whom a node may start from next time: contacts that answered lately, the latest first.

        Those who only wait for a place in the table are among them: the more the better.
        """
        alive = [
            contact
            for table in self.tables.values()
            for contact in table.everyone()
            if not table.is_bad(contact)
        ]
        alive.sort(key=lambda contact: (contact.failures, -contact.last_seen))
        return [contact.address for contact in alive]

    def is_dead(self, address: Address) -> bool:
        """Whether `address` has left several queries in a row unanswered."""
        return self.transactions.dead.contains(address, self.now)

    def try_later(self, address: Address) -> None:
        """Try an address again in a while: nobody answers there now."""
        self._upkeep.try_later(address, self.now)

    def _learn(self, response: krpc.Response, address: Address, round_trip: float) -> None:
        family = compact.family(address)
        if response.sender in self.ids.values():
            return
        questionable = self.tables[family].answered(response.sender, address, self.now, round_trip)
        if questionable is not None:
            self._upkeep.check(questionable)
        self._address_check.vote(family, address, response.external, self.now)

    def _heard_late(
        self, message: krpc.Response | krpc.ErrorReply, address: Address, round_trip: float
    ) -> None:
        if isinstance(message, krpc.Response):
            self._learn(message, address, round_trip)

    def _move(self, family: int) -> None:
        """Take an id that fits our external address (BEP 42), and sort that family's table anew."""
        self.ids[family] = id_for(self.external[family].ip or b"", self._rng)
        table = RoutingTable(self.ids[family], self.settings, self.now)
        for contact in self.tables[family]:
            table.adopt(contact, self.now)
        self.tables[family] = table
        self.reach[family].moved()
        self._upkeep.meet_neighbours(family)
        self.on_moved()

    def _receive_query(self, query: krpc.Query, address: Address) -> None:
        self.counters["queries"] += 1
        reach = self.reach.get(compact.family(address))
        if reach is not None and reach.called(address, self.now):
            self.counters["unsolicited"] += 1
        self.extensions.queried(query, address, self.now)
        table = self.tables.get(compact.family(address))
        if self.read_only or table is None:
            return
        room = self._room_for(address)
        if room is Room.NONE:
            self.counters["limited"] += 1
            return
        own_id = self.ids[compact.family(address)]
        self._reply(self._responder.answer(own_id, query, address, self.now, room), address)
        if not query.read_only and table.queried(query.sender, address, self.now):
            self._upkeep.verify(address)

    def _refuse(self, answer: bytes, address: Address) -> None:
        if not self.read_only and self._room_for(address) is not Room.NONE:
            self._reply(answer, address)

    def _room_for(self, address: Address) -> Room:
        table = self.tables.get(compact.family(address))
        is_contact = table is not None and table.get(address) is not None
        room = self._responder.limits.room(address, self.now, is_contact=is_contact)
        return room if room is Room.NONE or self.transactions.may_answer(address, self.now) else Room.NONE

    def _reply(self, answer: bytes, address: Address) -> None:
        self._responder.limits.sent(address, self.now, len(answer))
        self._transmit(answer, address)

    def _transmit(self, datagram: bytes, address: Address) -> None:
        self.counters["sent"] += 1
        self._outgoing.append((datagram, address))
