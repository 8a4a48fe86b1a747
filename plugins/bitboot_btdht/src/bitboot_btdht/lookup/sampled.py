"""Looking a crowd up: its storing nodes are asked again until they have little new to tell.

Where a node stores more peers than a datagram holds it replies with a sample, another one each time
(libtorrent: about 100, this project: as many as 1,024 bytes hold). So once a lookup has arrived at
the closest nodes, it goes on asking those whose replies are samples, each one for itself and one
query at a time, until a reply has brought next to nothing new. The others are not asked again, so that
small swarms do not pay.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..asking.transaction import Asked, Outcome
from ..wire import krpc
from ..wire.compact import Address
from .candidates import Candidate
from .fair import FairPeers, enough_witnesses
from .network import Network
from .searches import PeerSearch, Searches

CROWD: Final = 300
"""From so many peers under one key on there may be others that its nodes do not store: libtorrent
keeps 500, and of these a lookup that loses datagrams may see no more than three in five."""

SAMPLE_BYTES: Final = 350
"""A reply with fewer bytes of peers than this had room for more, whoever wrote it: it is no sample."""

ENTRY_OVERHEAD: Final = 3
"""What bencoding adds to each peer: "6:" or "18:"."""

LITTLE: Final = 1 / 32
"""A reply is not worth asking for again of which no larger share is new: two of 68 peers."""

DOUBT: Final = 3
"""Where too few of the closest sample for a crowd to be believed, they are asked again a third as often."""

MISSES: Final = 2
"""After so many queries in a row without an answer a node is asked no more."""


class SampledSearch(PeerSearch):
    """get_peers for an info-hash, and again for as long as samples of a crowd bring much that is new.

    `stored`: what we store ourselves under it. Peers are passed on in fair shares of those who tell of them.
    """

    may_hurry = True

    def __init__(
        self,
        network: Network,
        info_hash: bytes,
        family: int,
        on_peers: Callable[[list[Address]], None],
        on_done: Callable[[], None],
        *,
        stored: list[Address] | None = None,
    ) -> None:
        super().__init__(network, info_hash, family, on_peers, self._arrived)
        self._stored = stored or []
        self._fair = FairPeers()
        self._on_done = on_done
        self._seen: set[Address] = set()
        self._samplers: set[Candidate | None] = set()  # None: ourselves
        self._worth_it = False
        self._left: dict[Candidate, int] = {}
        self._misses: dict[Candidate, int] = {}
        self._over = False

    def start(self) -> None:
        """Begin with what we store ourselves."""
        if self._stored:
            self._tell(None, self._stored)
        if not self._over:
            super().start()

    def told(self, candidate: Candidate, peers: list[Address]) -> bool:
        """Note whether that was a sample, and whether it brought much; pass on what is due."""
        return self._tell(candidate, peers)

    def _tell(self, candidate: Candidate | None, peers: list[Address]) -> bool:
        self._note(candidate, peers)
        return self._pass_on(self._fair.told(candidate, peers))

    def _pass_on(self, peers: list[Address]) -> bool:
        if peers:
            self._on_peers(peers)
        return bool(peers)

    def _note(self, candidate: Candidate | None, peers: list[Address]) -> None:
        if len(peers) * (len(peers[0]) + ENTRY_OVERHEAD) < SAMPLE_BYTES:
            self._samplers.discard(candidate)
            return
        before = len(self._seen)
        self._seen.update(peers)
        self._samplers.add(candidate)
        self._worth_it = len(self._seen) - before > LITTLE * len(peers)

    def cancel(self) -> None:
        """Stop asking; call nobody."""
        self._over = True
        super().cancel()

    def _arrived(self) -> None:
        """The closest nodes have answered. Go on with those of them that sampled."""
        closest = self.traversal.answers[: self.traversal.wanted]
        witnesses: list[Candidate | None] = [*closest, *([None] if self._stored else [])]
        crowded = sum(witness in self._samplers for witness in witnesses)
        believed = enough_witnesses(crowded, len(witnesses))
        self._pass_on(self._fair.release(believed=believed))
        again = self.network.settings.asks_per_storing_node // (1 if believed else DOUBT)
        if again and self._worth_it and not self._over:
            self._left = {candidate: again for candidate in closest if candidate in self._samplers}
        for candidate in list(self._left):
            self._ask_again(candidate)
        self._check()

    def _ask_again(self, candidate: Candidate) -> None:
        self._left[candidate] -= 1
        sent = self.network.ask(
            Asked(
                candidate.address,
                self.method,
                self.arguments,
                lambda outcome: self._answered_again(candidate, outcome),
                wanted=lambda: not self._over,
                turn=self.turn,
            )
        )
        if not sent:
            del self._left[candidate]

    def _answered_again(self, candidate: Candidate, outcome: Outcome) -> None:
        if self._over:
            return
        self._worth_it = False
        if isinstance(outcome, krpc.Response) and outcome.sender == candidate.id:
            self._misses.pop(candidate, None)
            self.hand_over(candidate, outcome)
            if self._over:
                return
        elif outcome is None:
            self._misses[candidate] = self._misses.get(candidate, 0) + 1
            self._worth_it = self._misses[candidate] < MISSES
        if self._worth_it and self._left[candidate]:
            self._ask_again(candidate)
        else:
            del self._left[candidate]
        self._check()

    def _check(self) -> None:
        if not self._left and not self._over:
            self._over = True
            self._on_done()


class SampledSearches(Searches[SampledSearch]):
    """One lookup: a search in each family."""
