"""The way of one lookup of `native` towards its target: whom to ask next, and when that is enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..wire import compact, krpc
from ..wire.compact import Address
from .dht import Answer, Contact

K = 8
ALPHA = 4
MAX_QUERIES = 120
"""A walk ends here, whatever strangers still suggest."""
MAX_CANDIDATES = 256
PEERS_PER_REPLY = 1000


class Walk:
    """Candidates by their distance from `target`; done when the K nearest that answer have answered."""

    def __init__(self, target: bytes, own_id: bytes, on_peers: Callable[[list[Address]], None]) -> None:
        self._number = int.from_bytes(target, "big")
        self._own_id = own_id
        self._on_peers = on_peers
        self._candidates: dict[Address, bytes] = {}
        self._asked: set[Address] = set()
        self._failed: set[Address] = set()
        self._tokens: dict[Address, bytes] = {}
        self._replies = 0

    @property
    def asked(self) -> int:
        """How many nodes it has asked so far."""
        return len(self._asked)

    @property
    def unanswered(self) -> bool:
        """Whether there were nodes to ask, and none of them has replied."""
        return bool(self._asked) and not self._replies

    def add(self, contacts: Iterable[Contact]) -> None:
        """Somebody knows these nodes."""
        for id_, address in contacts:
            if id_ != self._own_id and len(self._candidates) < MAX_CANDIDATES:
                self._candidates.setdefault(address, id_)

    def next(self, under_way: int) -> list[Address]:
        """Whom to ask now, while so many queries are under way."""
        room = min(ALPHA - under_way, MAX_QUERIES - len(self._asked))
        chosen = [address for address in self._nearest() if address not in self._asked][: max(room, 0)]
        self._asked.update(chosen)
        return chosen

    def heard(self, address: Address, answer: Answer | None) -> None:
        """A node has answered, or has not."""
        self._replies += answer is not None
        if not isinstance(answer, krpc.Response) or answer.sender != self._candidates.get(address):
            self._failed.add(address)
            return
        nodes = compact.unpack_nodes(answer.values.get(b"nodes"), 4, 2 * K)
        self.add((id_, told) for id_, told in nodes if compact.may_introduce(address, told))
        token = answer.values.get(b"token")
        if isinstance(token, bytes) and token:
            self._tokens[address] = token
        peers = [
            peer
            for peer in compact.unpack_peers(answer.values.get(b"values"), PEERS_PER_REPLY)
            if compact.family(peer) == 4 and compact.may_introduce(address, peer)
        ]
        if peers:
            self._on_peers(peers)

    def storing(self) -> list[tuple[Address, bytes]]:
        """The K nearest that gave a token, with it."""
        nearest = sorted(self._tokens, key=self._distance)
        return [(address, self._tokens[address]) for address in nearest[:K]]

    def _nearest(self) -> list[Address]:
        alive = [address for address in self._candidates if address not in self._failed]
        return sorted(alive, key=self._distance)[:K]

    def _distance(self, address: Address) -> int:
        return int.from_bytes(self._candidates[address], "big") ^ self._number
