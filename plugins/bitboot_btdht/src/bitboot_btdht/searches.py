"""What a node undertakes: finding nodes, finding peers, announcing, bootstrapping.

Each is a traversal with a purpose. They know nothing of sockets or tables: they ask through a
`Network`, which the node is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from . import compact, krpc
from .compact import Address
from .settings import Settings
from .transactions import Outcome
from .traversal import Candidate, Traversal


class Network(Protocol):
    """What a search needs of its node."""

    @property
    def id(self) -> bytes:
        """The node's own id."""

    @property
    def settings(self) -> Settings:
        """The numbers to go by."""

    @property
    def families(self) -> Sequence[int]:
        """The IP versions that the node speaks."""

    def ask(
        self,
        address: Address,
        method: bytes,
        arguments: dict[bytes, Any],
        on_outcome: Callable[[Outcome], None],
        on_slow: Callable[[], None] | None = None,
    ) -> bool:
        """Send a query; False, and no callback, where that is not allowed now."""

    def closest(self, target: bytes, family: int) -> list[tuple[bytes, Address]]:
        """Where a lookup in one family may begin."""

    def is_dead(self, address: Address) -> bool:
        """Whether an address is known not to answer."""


def introduced(
    network: Network, teller: Address, values: dict[bytes, Any], family: int
) -> Iterable[tuple[bytes, Address]]:
    """The nodes that a reply tells of, less those that we would not follow up."""
    nodes = compact.unpack_nodes(
        values.get(krpc.NODES_KEY[family]), family, network.settings.nodes_taken_per_reply
    )
    return [
        (id_, address)
        for id_, address in nodes
        if compact.may_introduce(teller, address) and not network.is_dead(address)
    ]


class NodeSearch:
    """find_node towards `target` in one family, for what it brings into the table."""

    method = b"find_node"
    argument = b"target"

    def __init__(
        self,
        network: Network,
        target: bytes,
        family: int,
        on_done: Callable[[], None],
        *,
        patient: bool = False,
    ) -> None:
        self.network = network
        self.family = family
        self._arguments = {self.argument: target}
        self.traversal = Traversal(
            target,
            own_id=network.id,
            settings=network.settings,
            ask=self._ask,
            finished=on_done,
            patient=patient,
        )

    def start(self) -> None:
        """Begin at the contacts that the node knows."""
        self.traversal.add(self.network.closest(self.traversal.target, self.family))
        self.traversal.advance()

    def cancel(self) -> None:
        """Stop asking; call nobody."""
        self.traversal.cancel()

    def _ask(self, candidate: Candidate) -> None:
        sent = self.network.ask(
            candidate.address,
            self.method,
            self._arguments,
            lambda outcome: self._settle(candidate, outcome),
            lambda: self.traversal.slow(candidate),
        )
        if not sent:
            self.traversal.failed(candidate)

    def _settle(self, candidate: Candidate, outcome: Outcome) -> None:
        if self.traversal.done:
            return
        if outcome is None:
            self.traversal.silent(candidate)
            return
        if isinstance(outcome, krpc.ErrorReply):
            self.traversal.failed(candidate)
            return
        token = outcome.values.get(b"token")
        honest = self.traversal.answered(
            candidate, outcome.sender, token if isinstance(token, bytes) and token else None
        )
        if honest:
            self.traversal.add(introduced(self.network, candidate.address, outcome.values, self.family))
            self.heard(candidate, outcome)
        if not self.traversal.done:  # `heard` may have led to a cancel
            self.traversal.advance()

    def heard(self, candidate: Candidate, response: krpc.Response) -> None:
        """An honest answer has come in. For subclasses."""


class PeerSearch(NodeSearch):
    """get_peers for an info-hash. `on_peers` gets each reply's endpoints as it arrives."""

    method = b"get_peers"
    argument = b"info_hash"

    def __init__(
        self,
        network: Network,
        info_hash: bytes,
        family: int,
        on_peers: Callable[[list[Address]], None],
        on_done: Callable[[], None],
    ) -> None:
        super().__init__(network, info_hash, family, on_done, patient=True)
        self._on_peers = on_peers

    def heard(self, candidate: Candidate, response: krpc.Response) -> None:
        """Pass the reply's peers on, less those that its sender has no business to know."""
        values = response.values.get(b"values")
        peers = compact.unpack_peers(values, self.network.settings.peers_taken_per_reply)
        peers = [peer for peer in peers if compact.may_introduce(candidate.address, peer)]
        if peers:
            self._on_peers(peers)


class Announce:
    """get_peers for the tokens, then announce_peer to the closest nodes. Reports how many stored it.

    `port` 0 sends `implied_port`: the port that the nodes see our datagrams come from.
    """

    def __init__(
        self, network: Network, info_hash: bytes, family: int, port: int, on_done: Callable[[int], None]
    ) -> None:
        self._network = network
        self._info_hash = info_hash
        self._port = port
        self._on_done = on_done
        self._search = PeerSearch(network, info_hash, family, lambda peers: None, self._store)
        self._pending = 0
        self._stored = 0
        self._spare: list[Candidate] = []
        self._done = False

    def start(self) -> None:
        """Begin."""
        self._search.start()

    def cancel(self) -> None:
        """Stop asking; call nobody."""
        self._done = True
        self._search.cancel()

    def _store(self) -> None:
        chosen = self._search.traversal.storing_nodes()
        self._spare = [
            candidate
            for candidate in self._search.traversal.answers
            if candidate.token is not None and candidate not in chosen
        ]
        for candidate in chosen:
            self._announce_to(candidate, tries=2)
        self._check()

    def _announce_to(self, candidate: Candidate, tries: int) -> None:
        arguments: dict[bytes, Any] = {
            b"info_hash": self._info_hash,
            b"port": self._port or 1,  # ignored with implied_port, but clients refuse a 0 all the same
            b"token": candidate.token,
        }
        if not self._port:
            arguments[b"implied_port"] = 1
        sent = self._network.ask(
            candidate.address,
            b"announce_peer",
            arguments,
            lambda outcome: self._settle(candidate, outcome, tries - 1),
        )
        if sent:
            self._pending += 1

    def _settle(self, candidate: Candidate, outcome: Outcome, tries: int) -> None:
        self._pending -= 1
        if self._done:
            return
        if isinstance(outcome, krpc.Response):
            self._stored += 1
        elif outcome is None and tries:
            self._announce_to(candidate, tries)  # lost on the way, most likely
        elif self._spare:
            self._announce_to(self._spare.pop(0), tries=1)
        self._check()

    def _check(self) -> None:
        if not self._pending and not self._done:
            self._done = True
            self._on_done(self._stored)


class Bootstrap:
    """find_node for our own id, through contacts whose ids are not known yet (BEP 5, "Routing Table").

    Reports how many of the contacts answered, as soon as the others are slow and the way is clear.
    """

    def __init__(
        self,
        network: Network,
        contacts: Iterable[Address],
        family: int,
        on_done: Callable[[int], None],
    ) -> None:
        self._network = network
        self._contacts = list(dict.fromkeys(contacts))
        self._on_done = on_done
        self._family = family
        self._searches: dict[int, NodeSearch] = {}
        self._unheard: set[Address] = set()
        self._slow: set[Address] = set()
        self._answered = 0
        self._done = False

    def start(self) -> None:
        """Ask every contact at once."""
        self._unheard = {contact for contact in self._contacts if self._ask(contact)}
        self._check()

    def cancel(self) -> None:
        """Stop asking; call nobody."""
        self._done = True
        for search in self._searches.values():
            search.cancel()

    def _ask(self, contact: Address, *, again: bool = False) -> bool:
        return self._network.ask(
            contact,
            b"find_node",
            self._arguments(),
            lambda outcome: self._settle(contact, outcome),
            None if again else lambda: self._retry(contact),
        )

    def _retry(self, contact: Address) -> None:
        # Either it is dead or a datagram was lost: at the very first contact it pays to ask twice.
        self._slow.add(contact)
        self._ask(contact, again=True)
        self._check()

    def _settle(self, contact: Address, outcome: Outcome) -> None:
        if self._done or contact not in self._unheard:
            return
        if isinstance(outcome, krpc.Response):
            self._answered += 1
            for family in self._network.families:
                self._follow(family, introduced(self._network, contact, outcome.values, family))
        self._unheard.discard(contact)
        self._check()

    def _arguments(self) -> dict[bytes, Any]:
        arguments: dict[bytes, Any] = {b"target": self._network.id}
        if len(self._network.families) > 1:
            # BEP 32, "Bootstrapping": a node of one family may know the way into the other
            arguments[b"want"] = [krpc.WANT_FLAG[family] for family in self._network.families]
        return arguments

    def _follow(self, family: int, nodes: Iterable[tuple[bytes, Address]]) -> None:
        search = self._searches.get(family)
        if search is None or search.traversal.done:
            search = NodeSearch(self._network, self._network.id, family, self._check)
            self._searches[family] = search
        search.traversal.add((id_, address) for id_, address in nodes if address not in self._contacts)
        search.traversal.advance()

    def _check(self) -> None:
        if self._done:
            return
        waiting = self._unheard - self._slow if self._answered else self._unheard
        if waiting or not all(search.traversal.done for search in self._searches.values()):
            return
        self._done = True
        self._on_done(self._answered)
