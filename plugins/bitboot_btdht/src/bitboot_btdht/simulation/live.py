"""Networks like the live mainline DHT: far and near nodes, NATs, nodes that hand out dead ones, sessions.

Every number is from a measurement of it, or is set so that the outcome is as measured:

- Round trips: half of those that are shorter than 2 s take 175 ms or less, a quarter 95 ms, a quarter more
  than 344 ms, one in fifty more than 1,094 ms: lognormal with sigma 0.9. Of a lookup's queries 35 to 46 % go
  unanswered (Jimenez, Osmani, Knutsson: Sub-Second Lookups on a Large-Scale Kademlia-Based Overlay, IEEE P2P
  2011). `Sloppy` nodes, who hand out those that do not answer, bring it there: all nodes here are, and hand a
  caller out for two hours. Both are choices, made for that outcome: on the live network not all nodes will be
  sloppy, but it has more that are gone.
- A third of the nodes is behind a NAT that keeps queries out (Jimenez, Osmani, Knutsson: Connectivity
  Properties of Mainline BitTorrent DHT Nodes, IEEE P2P 2009, found that about as many answer only whom they
  have asked). Which NATs do what among them was not measured there: the shares here are a choice.
- Sessions: half of them last 200 minutes or less (Wang, Kangasharju: Measuring Large-Scale Distributed
  Systems, IEEE P2P 2013); Weibull distributed (see `churn`).
- Loss: 2 % of the datagrams, a choice.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterable

from ..node import Node
from ..settings import Settings
from ..wire.compact import Address
from ..wire.node_id import ID_BITS, id_for
from .churn import Churn, Sessions
from .nat import Nat
from .network import RoundTrips
from .simulation import Participant, Simulation
from .sloppy import Sloppy

ROUND_TRIP = 0.175
SIGMA = 0.9
LOSS = 0.02
BEHIND_NAT = 0.33
NATS = (Nat.RESTRICTED, Nat.RESTRICTED, Nat.SYMMETRIC)
"""Of those behind NATs one in three has this kind. None is a full cone, which keeps no queries out."""

SLOPPY = 1.0
SESSION = 200 * 60.0
"""The median, in seconds."""

SHAPE = 0.55
CONTACTS = 3
"""Of those who are there, how many a newcomer knows."""

WARM = 3600.0
"""Seconds after which tables, made by rule, are as nodes themselves keep them."""

TOLD = 2
"""So many times k of the nodes that belong into a bucket are told of it."""

HEARD = 600.0
"""At the beginning each contact was last heard at some time within so many seconds."""


class LiveNetwork:
    """A network of `size` nodes whose tables are full from the beginning.

    Making them by rule takes seconds where `Simulation.populate` takes minutes; let `WARM` seconds pass
    before anything is measured (`simulation.advance(WARM)`).
    """

    def __init__(self, size: int, *, seed: int, settings: Settings | None = None) -> None:
        self.simulation: Simulation = Simulation(seed=seed, loss=LOSS, settings=settings)
        self.simulation.network.round_trips = RoundTrips(ROUND_TRIP, SIGMA, seed=seed)
        self._rng = random.Random(seed)
        self._participants: dict[Node, Participant] = {}
        self._hidden: set[Node] = set()
        for _ in range(size):
            self._add()
        self._fill_tables()
        sessions = Sessions.of_median(SESSION, SHAPE)
        self.churn: Churn = Churn(self.simulation, sessions, come=self._come, leave=self._leave)
        self.churn.begin(self.nodes)

    @property
    def nodes(self) -> list[Node]:
        """All who are there, the oldest first."""
        return list(self._participants)

    @property
    def reachable(self) -> list[Node]:
        """Those who are behind no NAT, the oldest first."""
        return [node for node in self._participants if node not in self._hidden]

    def address_of(self, node: Node) -> Address:
        """Where a node lives."""
        return self.simulation.address_of(self._participants[node])

    def flush(self, node: Node) -> None:
        """Send what a node has to send. To be called after asking it for something."""
        self.simulation.flush(self._participants[node])

    def is_there(self, node: Node) -> bool:
        """Whether a node has not left."""
        return node in self._participants

    def _add(self) -> Node:
        simulation, rng = self.simulation, self._rng
        address = simulation.new_address()
        node = Node(
            now=simulation.now,
            settings=simulation.settings,
            node_id=id_for(address[:-2], rng),
            rng=random.Random(rng.getrandbits(64)),
        )
        # It knows where it is, so that it keeps this id.
        node.external[4].ip = address[:-2]
        participant: Participant = Sloppy(node) if rng.random() < SLOPPY else node
        if rng.random() < BEHIND_NAT:
            simulation.network.put_behind_nat(address, rng.choice(NATS))
            self._hidden.add(node)
        self._participants[node] = participant
        simulation.put(address, participant)
        return node

    def _come(self) -> Node:
        known = self._rng.sample(list(self._participants), CONTACTS)
        node = self._add()
        node.bootstrap(map(self.address_of, known), lambda _: None, now=self.simulation.now)
        self.flush(node)
        return node

    def _leave(self, node: Node) -> None:
        self.simulation.remove(self._participants.pop(node))
        self._hidden.discard(node)

    def _fill_tables(self) -> None:
        reachable = sorted(
            (node.id, self.address_of(node)) for node in self._participants if node not in self._hidden
        )
        numbers = [int.from_bytes(id_, "big") for id_, _ in reachable]

        def within(first: int, bits: int) -> range:
            """The indices of those whose numbers are `first` or up to 2 ** bits more."""
            return range(bisect_left(numbers, first), bisect_left(numbers, first + (1 << bits)))

        for node in self._participants:
            own = int.from_bytes(node.id, "big")
            for bits in range(ID_BITS - 1, -1, -1):
                head = own >> bits
                beside, mine = within((head ^ 1) << bits, bits), within(head << bits, bits)
                told = TOLD * node.settings.k
                self._fill(node, (reachable[i] for i in self._rng.sample(beside, min(told, len(beside)))))
                if len(mine) <= told:
                    self._fill(node, (reachable[i] for i in mine))
                    break

    def _fill(self, node: Node, contacts: Iterable[tuple[bytes, Address]]) -> None:
        network = self.simulation.network
        assert network.round_trips is not None
        here = self.address_of(node)
        for id_, address in contacts:
            heard = self.simulation.now - HEARD * self._rng.random()
            node.tables[4].answered(id_, address, heard, network.round_trips.between(here, address))
