"""One lookup: from the nodes that we know to those closest to a key.

The library's crawl goes in rounds, each as slow as its slowest node, and ends at the first value.
Here the next node is asked as soon as one has answered, or is slow to. There is no task: answers
drive it.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from operator import attrgetter

from .contacts import Contact
from .messages import MAX_NODES, PeersAnswer, read_nodes, read_peers_answer
from .protocol import PeerProtocol
from .requests import Answer
from .wire import (
    ID_BYTES,
    Address,
    is_loopback,
    is_reachable,
    split_nodes,
    unpack_address,
)


class _State(Enum):
    NEW = auto()
    ASKED = auto()
    SLOW = auto()
    ANSWERED = auto()
    SKIPPED = auto()  # it failed, or holds no peers


NEW, ASKED, SLOW, ANSWERED, SKIPPED = _State


@dataclass(slots=True, eq=False)
class Candidate:
    """A node on the way. `plain`: whether it runs the bare library, None where that is not known."""

    node_id: bytes
    packed: bytes
    distance: int
    plain: bool | None
    address: Address = ("", 0)
    state: _State = NEW
    token: bytes = b""
    fingerprint: int = 0
    more: int = 0


class Crawl:
    """Asks the nodes closest to `key` until `quorum` of the closest that live have answered.

    `done` is set at the end to those, closest first. Nodes with the bare library show the way only.
    """

    def __init__(self, protocol: PeerProtocol, key: bytes, *, quorum: int) -> None:
        self._protocol = protocol
        self._settings = protocol.settings
        self._key = key
        self._target = int.from_bytes(key, "big")
        self._quorum = quorum
        self._order: list[Candidate] = []
        self._places: set[bytes] = set()
        self._futures: set[asyncio.Future[Answer | None]] = set()
        self._queries = 0
        self._is_widened = self._asks_the_shunned = False
        self._busy = 0  # how many are asked and not slow
        self.done: asyncio.Future[list[Candidate]] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        """Begin at the nodes that we know. Where none of those answers lately: at all of them."""
        router, count = self._protocol.router, self._quorum
        contacts = router.closest(self._target, count, plain=False)
        if len(contacts) < count:
            contacts += router.closest(self._target, count - len(contacts), plain=True)
        self._asks_the_shunned = not contacts
        self._begin_at(contacts or router)
        self._go_on()

    def _begin_at(self, contacts: Iterable[Contact]) -> None:
        for contact in contacts:
            place = contact.packed[ID_BYTES:]
            if place not in self._places:
                self._places.add(place)
                distance = contact.long_id ^ self._target
                self._order.append(Candidate(contact.id, contact.packed, distance, contact.plain))
        self._order.sort(key=_distance_of)

    def close(self) -> None:
        """End it here. Answers that still come change nothing any more.

        At its own end it leaves the slow to their time-out, since it is good to know who is dead.
        """
        if self.done.cancel():
            for future in self._futures:
                future.cancel()

    def _go_on(self) -> None:
        """Ask whom there is to ask; end where there is nobody left to wait for."""
        if self.done.done():
            return
        wanted = self._wanted()
        ready = prospects = slow = 0
        for candidate in self._order:
            if candidate.state is NEW:
                if self._busy >= self._settings.alpha:
                    return
                self._try(candidate)
            ready += candidate.state is ANSWERED
            prospects += candidate.state in (ANSWERED, ASKED)
            slow += candidate.state is SLOW
            if wanted in (ready, prospects):
                break
        if prospects > ready or self._is_reading():
            return
        if ready < wanted and not self._is_widened:
            # Everybody tells of the same k nearest. Where many of those are dead we know others yet.
            self._is_widened = True
            self._begin_at(self._protocol.router)
            self._go_on()
        elif ready == wanted or not slow:  # those who are slow have most often died: wait only if we must
            self._finish()

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result([one for one in self._order if one.state is ANSWERED][: self._quorum])

    def _wanted(self) -> int:
        """How many of the closest nodes have to answer."""
        return self._quorum

    def _try(self, candidate: Candidate) -> None:
        candidate.address = unpack_address(candidate.packed)
        shunned = self._protocol.suspects.is_shunned(candidate.address) and not self._asks_the_shunned
        if shunned or self._queries >= self._settings.max_queries:
            candidate.state = SKIPPED
        else:
            self._queries += 1
            self._ask(candidate, 0)

    def _is_reading(self) -> bool:
        """Whether the rest of somebody's answer is still to come."""
        return False

    def _ask(self, candidate: Candidate, after: int) -> None:
        protocol = self._protocol
        find_node = "find_node", (protocol.node_id, self._key)
        slow = partial(self._slow, candidate)
        if protocol.is_plain(candidate.address):
            future = protocol.requests.call(candidate.address, *find_node, on_slow=slow)
        else:
            fallback = None if candidate.plain is False else find_node
            args = protocol.caller, self._key, after
            future = protocol.requests.call(
                candidate.address, "find_peers", args, fallback=fallback, on_slow=slow
            )
        candidate.state = ASKED
        self._busy += 1
        self._futures.add(future)
        future.add_done_callback(partial(self._answered, candidate))

    def _slow(self, candidate: Candidate) -> None:
        candidate.state = SLOW
        self._busy -= 1
        self._go_on()

    def _answered(self, candidate: Candidate, future: asyncio.Future[Answer | None]) -> None:
        self._futures.discard(future)
        self._busy -= candidate.state is ASKED
        if self.done.done() or future.cancelled():
            return
        answer = future.result()
        candidate.state = SKIPPED
        try:
            if answer is None:
                self._take_silence(candidate)
            elif answer.name == "find_peers":
                self._take_peers(candidate, read_peers_answer(answer.value))
            else:
                self._take_nodes(candidate, read_nodes(answer.value, self._protocol.family))
        except ValueError:
            self._protocol.counters["malformed"] += 1
        self._go_on()

    def _take_silence(self, candidate: Candidate) -> None:
        """A node did not answer."""

    def _take_peers(self, candidate: Candidate, answer: PeersAnswer) -> None:
        """A node of our kind has answered."""
        if answer.node_id == self._protocol.node_id:
            return  # ourselves, by another address
        nodes = split_nodes(answer.nodes, self._protocol.family)
        plain = split_nodes(answer.plain, self._protocol.family)
        if answer.node_id != candidate.node_id:  # whoever told us of it was mistaken, or lied
            self._order.remove(candidate)
            candidate.node_id, candidate.distance = answer.node_id, self._distance(answer.node_id)
            insort(self._order, candidate, key=_distance_of)
        self._protocol.learn(answer.node_id, candidate.address, plain=False)
        candidate.state, candidate.token = ANSWERED, answer.token
        candidate.fingerprint, candidate.more = answer.fingerprint, answer.more
        self._tell(nodes, candidate, plain=False)
        self._tell(plain, candidate, plain=None)

    def _take_nodes(self, candidate: Candidate, nodes: list[bytes]) -> None:
        """A node with the bare library has answered."""
        # Nothing in such an answer says who gave it: a greeting finds out, if there is a place for it.
        self._protocol.learn_plain(candidate.address)
        self._protocol.welcome(candidate.node_id, candidate.address)
        self._tell(nodes, candidate, plain=None)

    def _tell(self, nodes: Sequence[bytes], teller: Candidate, *, plain: bool | None) -> None:
        from_here = is_loopback(teller.address[0])
        for node in nodes[:MAX_NODES]:
            if node[ID_BYTES:] not in self._places and is_reachable(node, from_here=from_here):
                self._add(node, plain)

    def _add(self, node: bytes, plain: bool | None) -> None:
        node_id = node[:ID_BYTES]
        if node_id == self._protocol.node_id:
            return
        self._places.add(node[ID_BYTES:])
        insort(self._order, Candidate(node_id, node, self._distance(node_id), plain), key=_distance_of)
        if len(self._order) > self._settings.max_candidates and self._order[-1].state in (NEW, SKIPPED):
            self._order.pop()

    def _distance(self, node_id: bytes) -> int:
        return int.from_bytes(node_id, "big") ^ self._target


_distance_of = attrgetter("distance")
