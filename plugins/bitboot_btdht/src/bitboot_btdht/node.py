"""The engine: a BEP 5 node without sockets or clock.

Datagrams and the time go in, datagrams and a deadline come out. Whoever drives it calls
`receive(datagram, address, now)` for each datagram, `poll(now)` when `deadline()` has come, and
sends what `outgoing()` returns after either, or after starting anything (queries sooner: `Node.send_query`):

    node.find_peers(info_hash, on_peers, on_done, now=clock())
    for datagram, address in node.outgoing():
        socket.sendto(datagram, unpack(address))

`now` is any steadily growing number of seconds. Nothing here blocks, sleeps or raises because of
what a stranger sent. Callbacks run inside the call that led to them or the next one (`Node.catch_up`), and
must not raise.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .asking.requests import Requests
from .asking.transaction import Asked, Outcome
from .asking.transactions import Transactions
from .client import Client
from .counters import Counters
from .items import Items
from .lookup.item_found import Verify, verify
from .lookup.population import Nodes
from .lookup.survey import Pauses, Survey
from .operations import Operations
from .server.extensions import Extensions
from .server.item_store import ItemStore
from .server.items import Items as ItemAnswers
from .server.peer_store import PeerStore
from .server.reading import Reading
from .server.requests import Requested
from .server.responder import Responder
from .server.samples import Samples
from .server.server import Server
from .server.serving import Machine
from .server.tokens import Tokens
from .settings import Settings
from .table.external import ExternalAddress
from .table.reach import Reach
from .table.routing import RoutingTable
from .wire import carried, krpc
from .wire.compact import Address
from .wire.node_id import random_id


class Node(Operations):
    """One node of the mainline DHT, in one or both IP families.

    In each family it has a table and an id of its own, since an id has to fit the address (BEP 42) and
    cannot fit two. `node_id`: the id in all of them, until their addresses are known; random by default.
    `read_only`: ask and announce but serve nobody, as short-lived clients should (BEP 43). `machine`: tells
    of its addresses, so that the node is read-only behind a NAT (see `server.serving`); without it no NAT is
    assumed. `verify(public_key, message, signature)`: checks the signatures of items (Ed25519).
    """

    def __init__(
        self,
        *,
        now: float,
        settings: Settings | None = None,
        families: Iterable[int] = (4,),
        node_id: bytes | None = None,
        read_only: bool = False,
        machine: Machine | None = None,
        verify: Verify = verify,
        rng: random.Random | None = None,
    ) -> None:
        self.settings: Settings = settings or Settings()
        self.counters: Counters = Counters()
        self._rng = rng or random.SystemRandom()
        self.families: tuple[int, ...] = tuple(families)
        self.ids: dict[int, bytes] = {family: node_id or random_id(self._rng) for family in self.families}
        self.tables: dict[int, RoutingTable] = {
            family: RoutingTable(own_id, self.settings, now) for family, own_id in self.ids.items()
        }
        # Which peers of many it tells of is no secret, and the system's chance takes five times as long.
        self.store: PeerStore = PeerStore(self.settings, rng or random.Random())
        self.on_moved: Callable[[], None] = lambda: None
        """Called when our address as others see it has changed, or has become known."""
        self.send_query: Callable[[bytes, Address], bool] | None = None
        """Sends a query at once, to be on its way while others are written; False: it is `outgoing`, as all
        are without this."""
        self._outgoing: list[tuple[bytes, Address]] = []
        self.extensions: Extensions = Extensions()
        self._client = Client(
            self.settings,
            self.ids,
            self.tables,
            self.extensions,
            self.counters,
            transmit=self._transmit_query,
            expire=self._expire,
            on_moved=self._tell_moved,
            rng=self._rng,
            now=now,
        )
        self.transactions: Transactions = self._client.transactions
        self._reading = Reading(self.settings, self.transactions.expects_much)
        self._surroundings = self._client.surroundings
        self.external: dict[int, ExternalAddress] = self._surroundings.external
        self.reach: dict[int, Reach] = self._surroundings.reach
        self.requested: Requested = Requested(self.settings)
        """Who answers what other nodes request, if anybody."""
        self._requests = Requests(self._client, self._rng, self._transmit)
        tokens, stored = Tokens(now, self._rng), ItemStore(self.settings)
        self.items: Items = Items(self._client, self.families, stored, verify)
        answers = ItemAnswers(self.settings, stored, tokens, verify)
        self._server = Server(
            Responder(
                self.settings,
                self.tables,
                self.store,
                tokens,
                items=answers,
                samples=Samples(self.settings, self.store, self._rng),
                extensions=self.extensions,
            ),
            self.ids,
            self.tables,
            self.reach,
            self.counters,
            requested=self.requested,
            fewest_contacts=self.settings.k,
            read_only=read_only,
            machine=machine,
            transmit=self._transmit,
            may_answer=self.transactions.may_answer,
        )
        self._surveys: list[Survey] = []
        self._pauses = Pauses(self.settings.max_known)
        self._surroundings.keep_open.is_on = lambda: self.requested.handler is not None
        self._surroundings.keep_open.is_needed = lambda family: not self.is_serving(family)
        self._client.is_read_only = lambda address: not self._server.serves(address, self.now)

    @property
    def now(self) -> float:
        """The time that it was last told, in seconds."""
        return self._client.now

    @property
    def id(self) -> bytes:
        """Its id in the first of its families."""
        return self.ids[self.families[0]]

    # Driven from outside

    def receive(self, datagram: bytes, address: Address, now: float) -> bool:
        """A datagram has come in from `address`. Whether it answers a query of ours."""
        if self._client.postponed:
            self._client.catch_up()
        self._client.now = now
        self.counters.received += 1
        self.counters.received_bytes += len(datagram)
        if not self._reading.is_worth(datagram, address, now):
            self.counters.dropped += 1
            return False
        self._surroundings.heard(address, now)
        try:
            message = carried.read(datagram) or krpc.parse(datagram, address)
        except krpc.Malformed as malformed:
            self.counters.malformed += 1
            if malformed.answer is not None:
                self._server.refuse(malformed.answer, address, now)
            return False
        if isinstance(message, krpc.Query):
            if len(datagram) > self.settings.max_query:
                self.counters.dropped += 1
            else:
                self._receive_query(message, len(datagram), address, now)
            return False
        if not self._requests.receive(message, address) and not self.transactions.receive(
            message, address, now
        ):
            self.counters.unmatched += 1
            return False
        return True

    def _expire(self, now: float) -> None:
        self.store.expire(now)
        self.items.stored.expire(now)

    def poll(self, now: float) -> None:
        """Do what is due."""
        if self._client.postponed:
            self._client.catch_up()
        self._client.now = now
        self.transactions.poll(now)
        self._requests.poll(now)
        self._surroundings.poll(now)
        if self._surveys:
            for survey in self._surveys:
                survey.poll(now)
            self._surveys = [survey for survey in self._surveys if not survey.done]

    def deadline(self) -> float:
        """When `poll` is to be called next."""
        if self._client.postponed:
            self._client.catch_up()
        first = min(self._surroundings.next_due, self.transactions.deadline())
        first = min(first, self._requests.deadline())
        return min([first, *(survey.next_due for survey in self._surveys)]) if self._surveys else first

    def catch_up(self) -> None:
        """Do what an answer has led to beside the peers that it held, if that has not been done yet.

        Peers come to their reader first. All else is done here, or when the node is used again.
        """
        self._client.catch_up()

    def outgoing(self) -> list[tuple[bytes, Address]]:
        """The datagrams to send now, each handed out once."""
        if self._client.postponed:
            self._client.catch_up()
        ready, self._outgoing = self._outgoing, []
        return ready

    # What it can be asked to do, beside the lookups of `Operations`

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
        self._client.now = now
        return self._client.ask(Asked(address, method, arguments, on_outcome))

    def request(
        self,
        address: Address,
        payload: bytes,
        on_outcome: Callable[[Outcome], None],
        *,
        timeout: float,
        now: float,
    ) -> Callable[[], None] | None:
        """Ask the handler of another node: see `Requests.send`."""
        self._client.now = now
        self.requested.asked(address)
        return self._requests.send(address, payload, on_outcome, timeout=timeout)

    def population(self, family: int) -> Nodes | None:
        """About how many nodes the DHT of one family has, by all lookups so far; None while they are few."""
        return self._client.densities[family].population.estimate()

    def alive_contacts(self) -> list[Address]:
        """Whom a node may start from next time: contacts that answered lately, the latest first.

        Those who only wait for a place in the table are among them: the more the better.
        """
        return self._surroundings.alive()

    def _tell_moved(self) -> None:
        self.on_moved()

    def _receive_query(self, query: krpc.Query, length: int, address: Address, now: float) -> None:
        self.counters.queries += 1
        if self._surroundings.called(address, now):
            self.counters.unsolicited += 1
        self.extensions.queried(query, address, now)
        if self._server.answer(query, length, address, now) and not query.read_only:
            self._surroundings.served(query.sender, address, now)

    def _transmit(self, datagram: bytes, address: Address) -> None:
        self._outgoing.append((datagram, address))
        self._wrote(datagram, address)

    def _transmit_query(self, datagram: bytes, address: Address) -> None:
        if self.send_query is None or not self.send_query(datagram, address):
            self._outgoing.append((datagram, address))
        self._wrote(datagram, address)

    def _wrote(self, datagram: bytes, address: Address) -> None:
        self.counters.sent += 1
        self.counters.sent_bytes += len(datagram)
        self._surroundings.wrote(address, self._client.now)

    def mapped_at(self, ports: Mapping[int, int]) -> None:
        """A router lets strangers in by these outside ports, by family, and no others any more."""
        self._server.mapped_at(ports)

    def is_serving(self, family: int) -> bool:
        """Whether it answers the internet's queries in that family, and may be taken into tables (BEP 43)."""
        return self._server.serves_internet(family, self.now)
