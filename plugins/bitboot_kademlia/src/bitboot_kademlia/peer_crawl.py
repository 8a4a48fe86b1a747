"""A lookup of what the closest nodes hold: the union of it, passed on as it comes."""

from __future__ import annotations

from collections.abc import Callable

from .candidates import ANSWERED, ASKED, SLOW, Candidate, State
from .crawl import Crawl
from .messages import PeersAnswer
from .origins import APART, Spread
from .protocol import PeerProtocol
from .wire import fill_in, split_endpoints


class PeerCrawl(Crawl):
    """Asks the nodes closest to `key`, and gathers their peers.

    `on_peers` is given the endpoints that are new, packed. It ends before the quorum where the first
    few who answer, each of another network, hold the very same peers, which are then read from one of them.
    """

    def __init__(
        self, protocol: PeerProtocol, key: bytes, *, on_peers: Callable[[list[bytes]], None]
    ) -> None:
        super().__init__(protocol, key, quorum=protocol.settings.quorum)
        self._on_peers = on_peers
        self._seen: set[bytes] = set()
        self._pages = 0
        self._read_from: dict[int, Candidate] = {}  # whom we read a set from, by its fingerprint

    def _go_on(self) -> None:
        if self._agree():
            answered, asked = self._networks(ANSWERED), self._networks(ANSWERED, ASKED)
            if answered >= self._settings.agreement and not self._is_reading():
                self._finish()
            if asked >= self._settings.agreement:
                return
        super()._go_on()

    def _networks(self, *states: State) -> int:
        """In how many networks the candidates in one of these states are. On a LAN each counts as one."""
        return len(
            {
                candidate.origin.network if candidate.origin is not None else candidate.packed
                for candidate in self._order
                if candidate.state in states
            }
        )

    def _may_agree(self) -> bool:
        return self._agree() or not self._read_from

    def _wanted(self) -> int:
        return self._settings.agreement if self._may_agree() else self._quorum

    def _spread(self) -> Spread:
        return APART if self._may_agree() else super()._spread()

    def _agree(self) -> bool:
        """Whether all who answered hold the very same peers."""
        return len(self._read_from) == 1 and 0 not in self._read_from

    def _take_peers(self, candidate: Candidate, answer: PeersAnswer) -> None:
        host = candidate.address[0]
        peers = [fill_in(peer, host) for peer in split_endpoints(answer.peers)]
        super()._take_peers(candidate, answer)
        if candidate.state is not ANSWERED:
            return
        room = self._settings.max_found - len(self._seen)
        fresh = [peer for peer in dict.fromkeys(peers) if peer not in self._seen][:room]
        if fresh:
            self._seen.update(fresh)
            self._on_peers(fresh)
        reader = self._read_from.setdefault(answer.fingerprint, candidate)
        if reader is candidate and peers and len(fresh) < room:
            self._read_on(candidate)

    def _is_reading(self) -> bool:
        return any(candidate.state in (ASKED, SLOW) for candidate in self._read_from.values())

    def _slow(self, candidate: Candidate) -> None:
        self._hand_over(candidate)
        super()._slow(candidate)

    def _take_silence(self, candidate: Candidate) -> None:
        self._hand_over(candidate)

    def _hand_over(self, candidate: Candidate) -> None:
        """If we are in the middle of what a node holds, go on with another that holds the same."""
        if self._read_from.get(candidate.fingerprint) is candidate:
            for other in self._order:
                if other.state is ANSWERED and other.fingerprint == candidate.fingerprint:
                    self._read_from[candidate.fingerprint] = other
                    self._read_on(other)
                    return

    def _read_on(self, candidate: Candidate) -> None:
        """Ask for the next part of what a node holds, if there is one."""
        if candidate.more and self._pages < self._settings.max_pages:
            self._pages += 1
            self._ask(candidate, candidate.more)
