"""Finding nodes and finding peers: traversals with a purpose. They ask through a `Network`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from ..asking.transaction import Asked, Outcome, Transaction
from ..wire import compact, krpc
from ..wire.compact import Address
from .candidates import ANSWERED, Candidate
from .ending import Ending
from .network import Network, infos_told_of, introduced, told_of
from .per_family import InFamilies
from .side_paths import LONGEST
from .traversal import Traversal


def _no_matter() -> None:
    """A search has ended, and has told whoever began it: it keeps that no longer, which keeps the search."""


class Beginning(Protocol):
    """How a search begins where its node knows nobody yet: see `opening`."""

    def begin(self) -> None:
        """Ask whom it begins with."""


class NodeSearch:
    """find_node towards `target` in one family, for what it brings into the table.

    The target is one of ours, or by chance: how close the closest are to it is what is usual.
    """

    method = b"find_node"
    argument = b"target"
    teaches_density = True
    may_hurry = False
    """Whether it may cost more to end sooner."""
    is_thorough = False
    """Whether the very closest are to be found, to store there: then no slow one is given up at once."""
    is_awaited = False
    """Whether somebody waits for what is in the answers (`hand_over`): that comes first."""

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
        self.turn: int = network.take_turn()
        """Whose queries come before others' where they have to wait."""
        self.asked: int = 0
        """How many nodes it has asked."""
        self.replies: int = 0
        """How often one of them replied, whatever it said."""
        self.opening: Beginning | None = None
        """How it begins where its node knows nobody yet."""
        self.arguments: dict[bytes, Any] = {self.argument: target}
        self._on_end = on_done
        settings = network.settings
        self.hurries: bool = self.may_hurry and network.hurries
        self._is_among_few = self.may_hurry and network.knows_few(family)
        self.traversal: Traversal = Traversal(
            target,
            own_id=network.ids[family],
            settings=settings,
            ask=self._ask,
            finished=self._finished,
            at_once=settings.hurried_alpha if self.hurries or self._is_among_few else settings.alpha,
            ending=Ending(
                settings,
                patient=patient,
                hurries=self.hurries,
                is_thorough=self.is_thorough,
                is_too_dense=self._is_too_dense,
            ),
        )

    def start(self) -> None:
        """Begin at the closest contacts that the node knows; if others know the target, by side paths too."""
        target, settings = self.traversal.target, self.network.settings
        known = self.network.closest(target, self.family)
        if self.opening is None:
            self.traversal.begin(known)
        else:
            self.traversal.add(known)
            self.opening.begin()
            self.traversal.advance()
        if self._is_among_few:
            self.traversal.ask_beside(self.network.quickest(self.family), settings.first_of_few)
        if not self.teaches_density:
            self.traversal.begin_aside(self.network.by_chance(target, self.family, settings.side_paths))

    def cancel(self) -> None:
        """Stop asking; call nobody."""
        self._on_end = _no_matter
        self.traversal.cancel()

    def ask_contact(
        self, address: Address, on_outcome: Callable[[Outcome], None], on_slow: Callable[[], None]
    ) -> bool:
        """Ask a node whose id is not known the lookup's question. False, and no callback, if it cannot."""
        self.asked += 1
        self.traversal.queries += 1
        return self.network.ask(
            Asked(
                address,
                self.method,
                self.arguments,
                on_outcome,
                on_slow=on_slow,
                wanted=lambda: not self.traversal.done,
                turn=self.turn,
            )
        )

    def take(self, address: Address, response: krpc.Response, *, aside: bool) -> None:
        """Such a node has answered. `aside`: a side path goes on from it."""
        candidate = None if self.traversal.done else self.traversal.introduce(response.sender, address)
        if candidate is not None:
            candidate.tries = 1
            candidate.hops = LONGEST if aside else 0
            if self.is_awaited:
                self.hand_over(candidate, response)
            self.settle(candidate, response, 1)
        else:
            self.replies += 1
            self.traversal.advance()

    def _ask(self, candidate: Candidate) -> None:
        self.asked += candidate.tries == 1
        if not self.network.ask(_AskedBySearch(self, candidate)):
            self.traversal.failed(candidate)
        elif self.network.is_waiting(candidate.address):
            self.traversal.held(candidate)

    def _is_too_dense(self, distance: int) -> bool:
        # Refreshes go no wider: only where we announce, look for peers, or introduce ourselves it matters.
        matters = not self.teaches_density or self.traversal.target == self.network.ids[self.family]
        return matters and self.network.densities[self.family].is_too_dense(distance)

    def _finished(self) -> None:
        if self.teaches_density:
            distance = self.traversal.shortlist.kth_distance(self.network.settings.k)
            if distance is not None:
                self.network.densities[self.family].note(self.traversal.target, distance)
        self._count_nodes()
        on_end, self._on_end = self._on_end, _no_matter
        on_end()

    def _count_nodes(self) -> None:
        """Note what the lookup says of how many nodes there are."""
        answers, k = self.traversal.answers, self.network.settings.k
        fitting = [candidate for candidate in answers if candidate.fits]
        # One that is not patient may end with fewer while others are slow.
        if len(fitting) >= k or (fitting and not self.teaches_density):
            rank = min(k, len(fitting))
            self.network.densities[self.family].population.note(
                self.traversal.target, rank, fitting[rank - 1].distance, len(fitting) / len(answers)
            )

    def settle(self, candidate: Candidate, outcome: Outcome, tries: int) -> None:
        """What came of the query to a candidate: the `tries`-th, if it was asked more than once."""
        self.replies += outcome is not None
        if self.traversal.done or candidate.state is ANSWERED:
            return
        if outcome is None and candidate.tries > tries:
            return  # it has been asked again meanwhile
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
            teller = candidate.address
            infos = infos_told_of(self.network, outcome.values, self.family)
            # Near the target most are known, so that comes first: it is the cheapest question.
            new = introduced(self.network, teller, self.traversal.shortlist.unknown(infos, teller))
            self.traversal.add(new, teller)
            if candidate.hops:
                self.traversal.go_on_aside(candidate, new, told_of(self.network, outcome.values, self.family))
            self.heard(candidate, outcome)
        if not self.traversal.done:  # `heard` may have led to a cancel
            self.traversal.advance()

    def hear(self, candidate: Candidate, response: krpc.Response) -> bool:
        """An answer has come in: hand over what is in it, if it is an honest one (`Traversal.answered`)."""
        if self.traversal.done or candidate.state is ANSWERED:
            return False
        return response.sender != self.network.ids[self.family] and self.hand_over(candidate, response)

    def hand_over(self, candidate: Candidate, response: krpc.Response) -> bool:
        """Pass on what somebody waits for. Whether there was any. For subclasses."""
        return False

    def heard(self, candidate: Candidate, response: krpc.Response) -> None:
        """An honest answer has been followed up. For subclasses."""


class _AskedBySearch(Transaction):
    """A search's query to one of its candidates."""

    __slots__ = ("_candidate", "_search", "_tries")

    def __init__(self, search: NodeSearch, candidate: Candidate) -> None:
        super().__init__(
            candidate.address,
            search.method,
            search.arguments,
            turn=search.turn,
            is_watched=search.hurries,
            is_counted=True,
        )
        self._search = search
        self._candidate = candidate
        self._tries = candidate.tries

    def is_wanted(self) -> bool:
        return not self._search.traversal.done

    def overdue(self) -> None:
        self._search.traversal.overdue(self._candidate)

    def slow(self) -> None:
        self._search.traversal.slow(self._candidate)

    def hear(self, response: krpc.Response) -> bool:
        return self._search.is_awaited and self._search.hear(self._candidate, response)

    def settle(self, outcome: Outcome) -> None:
        self._search.settle(self._candidate, outcome, self._tries)


class PeerSearch(NodeSearch):
    """get_peers for an info-hash. `on_peers` gets each reply's endpoints as it arrives."""

    method = b"get_peers"
    argument = b"info_hash"
    teaches_density = False
    is_awaited = True

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

    def hand_over(self, candidate: Candidate, response: krpc.Response) -> bool:
        """Pass the reply's peers on, less those that its sender has no business to know."""
        values = response.values.get(b"values")
        if values is None:
            return False
        most, least = self.network.settings.peers_taken_per_reply, compact.width(candidate.address)
        peers = compact.unpack_peers(values, most, max(1, least))
        return bool(peers) and self.told(candidate, peers)

    def told(self, candidate: Candidate, peers: list[Address]) -> bool:
        """A candidate has told of these peers: pass them on. Whether any were."""
        self._on_peers(peers)
        return True


Search = TypeVar("Search", bound=NodeSearch)


class Searches(InFamilies[Search]):
    """One lookup: a search in each family."""

    @property
    def asked(self) -> int:
        """How many nodes it has asked so far."""
        return sum(part.asked for part in self.parts)

    @property
    def is_thorough(self) -> bool:
        """Whether in each family in which nodes were asked as many have answered as are wanted, k or more."""
        asked = [part for part in self.parts if part.asked]
        return bool(asked) and all(len(part.traversal.answers) >= part.network.settings.k for part in asked)

    @property
    def unanswered(self) -> bool:
        """Whether there were nodes to ask, and none of them has replied."""
        return self.asked > 0 and not any(part.replies for part in self.parts)
