"""One lookup: from the nodes that we know to those closest to a key.

The library's crawl goes in rounds, each as slow as its slowest node, and ends at the first value.
Here the next node is asked as soon as one has answered, or is slow to. There is no task: answers
drive it.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from operator import attrgetter

from .candidates import ANSWERED, ASKED, NEW, SKIPPED, SLOW, Candidate
from .contacts import Contact
from .messages import MAX_NODES, PeersAnswer, read_nodes, read_peers_answer
from .origins import Spread, preferred
from .protocol import PeerProtocol
from .requests import Answer
from .wire import ID_BYTES, is_loopback, is_reachable, split_nodes, unpack_address

A_FEW = 15
"""Nodes that fit into an answer to whoever shows no token."""

DETOURS = 8
"""Further questions of a lookup that hears of dead nodes only ..."""

FRUITLESS_DETOURS = 3
"""... until this many have brought nobody who answers."""


class Crawl:
    """Asks the nodes closest to `key` until `quorum` of the closest that live have answered.

    `done` is set at the end to those, closest first. Nodes with the bare library show the way only.

    Nodes whose ids do not fit their addresses, and more than a few of one source or network, come after
    all others, so that nobody stands around a key with ids of their choice: see origins.py.

    Nodes that have not noticed yet who died all tell of the same dead ones. Where that leaves too few, those
    who answered are asked for nodes elsewhere, who know others near the key.
    """

    def __init__(self, protocol: PeerProtocol, key: bytes, *, quorum: int) -> None:
        self._protocol = protocol
        self._settings = protocol.settings
        self._key = key
        self._target = int.from_bytes(key, "big")
        self._quorum = quorum
        self._order: list[Candidate] = []
        self._places: set[bytes] = set()
        self._told: Counter[bytes] = Counter()  # by who told us: who has not answered yet
        self._futures: set[asyncio.Future[Answer | None]] = set()
        self._queries = 0
        self._is_widened = self._asks_the_shunned = False
        self._has_looked_again = quorum <= A_FEW
        self._busy = 0  # how many are asked and not slow
        self._detours = self._fruitless = self._ready_before = 0
        self._is_on_detour = False
        self.met_silence: bool = False
        """Whether any node on the way has not answered."""
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
                self._order.append(Candidate(contact.id, contact.packed, self._target, contact.plain))
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
        for is_preferred, candidate in self._ranked(self._spread()):
            if not is_preferred:
                wanted = self._quorum
            if candidate.state is NEW:
                if self._busy >= self._settings.alpha:
                    return
                self._try(candidate)
            ready += candidate.state is ANSWERED
            prospects += candidate.state in (ANSWERED, ASKED)
            slow += candidate.state is SLOW
            if wanted in (ready, prospects):
                break
        if prospects > ready or self._is_reading() or self._is_on_detour:
            return
        if ready < wanted and not self._is_widened:
            # Everybody tells of the same k nearest. Where many of those are dead we know others yet.
            self._is_widened = True
            self._begin_at(self._protocol.router)
            self._go_on()
        elif ready < wanted and self.met_silence and self._make_detour(ready):
            return
        elif not self._has_looked_again:
            self._look_again()
        elif ready == wanted or not slow:  # those who are slow have most often died: wait only if we must
            self._finish()

    def _look_again(self) -> None:
        """Ask the closest node once more, if it told us of a few nodes only, because we had no token yet."""
        self._has_looked_again = True
        closest = next((one for _, one in self._ranked(self._spread()) if one.state is ANSWERED), None)
        if closest is not None and closest.was_short:
            self._ask(closest, 0)
        else:
            self._go_on()

    def _make_detour(self, ready: int) -> bool:
        """Ask a node that answered for others far from the key, each time less far; whether there is one."""
        answered = [one for _, one in self._ranked(self._spread()) if one.state is ANSWERED]
        self._fruitless += self._detours > 0 and ready <= self._ready_before
        self._ready_before = ready
        if not answered or self._detours >= DETOURS or self._fruitless >= FRUITLESS_DETOURS:
            return False
        teller = answered[self._detours % len(answered)]
        elsewhere = self._target ^ 1 << 8 * ID_BYTES - 1 - self._detours
        self._detours += 1
        self._is_on_detour = True
        args = self._protocol.caller, elsewhere.to_bytes(ID_BYTES, "big"), 0
        future = self._protocol.requests.call(teller.address, "find_peers", args)
        self._futures.add(future)
        future.add_done_callback(partial(self._detour_answered, teller))
        return True

    def _detour_answered(self, teller: Candidate, future: asyncio.Future[Answer | None]) -> None:
        self._futures.discard(future)
        self._is_on_detour = False
        answer = None if future.cancelled() else future.result()
        if self.done.done():
            return
        try:
            if answer is not None:
                told = read_peers_answer(answer.value)
                self._tell(split_nodes(told.nodes, self._protocol.family), teller, plain=False)
                self._tell(split_nodes(told.plain, self._protocol.family), teller, plain=None)
        except ValueError:
            self._protocol.counters["malformed"] += 1
        self._go_on()

    def _finish(self) -> None:
        if not self.done.done():
            answered = (one for _, one in self._ranked(self._settings.spread) if one.state is ANSWERED)
            self.done.set_result(sorted(islice(answered, self._quorum), key=_distance_of))

    def _ranked(self, spread: Spread) -> Iterator[tuple[bool, Candidate]]:
        """All who have not failed, in the order in which they count: the preferred first, by distance."""
        passed_over: list[Candidate] = []
        living = (candidate for candidate in self._order if candidate.state is not SKIPPED)
        for candidate in preferred(living, spread, passed_over):
            yield True, candidate
        for candidate in passed_over:
            yield False, candidate

    def _spread(self) -> Spread:
        """How many of one source and of one network are preferred."""
        return self._settings.spread

    def _wanted(self) -> int:
        """How many of the closest nodes have to answer."""
        return self._quorum

    def _try(self, candidate: Candidate) -> None:
        candidate.address = unpack_address(candidate.packed)
        shunned = self._protocol.suspects.is_shunned(candidate.address) and not self._asks_the_shunned
        if shunned or self._queries >= self._settings.max_queries:
            candidate.state = SKIPPED
            self.met_silence = self.met_silence or shunned
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
        candidate.was_short = not protocol.held_tokens.get(candidate.address)
        candidate.state = ASKED
        self._busy += 1
        self._futures.add(future)
        future.add_done_callback(partial(self._answered, candidate))

    def _slow(self, candidate: Candidate) -> None:
        candidate.state = SLOW
        self.met_silence = True  # most likely it is dead
        self._busy -= 1
        self._go_on()

    def _answered(self, candidate: Candidate, future: asyncio.Future[Answer | None]) -> None:
        self._futures.discard(future)
        self._busy -= candidate.state is ASKED
        if self.done.done() or future.cancelled():
            return
        answer = future.result()
        if answer is not None and candidate.teller is not None:
            self._told[candidate.teller] -= 1
            candidate.teller = None
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
            candidate.take_id(answer.node_id, self._target)
            insort(self._order, candidate, key=_distance_of)
        self._protocol.learn(answer.node_id, candidate.address, plain=False)
        self._protocol.held_tokens.put(candidate.address, answer.token)
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
        network = teller.origin.network if teller.origin is not None else teller.packed[ID_BYTES:]
        network += bytes((self._detours,))  # the dead of before do not count against those of a detour
        for node in nodes[:MAX_NODES]:
            if self._told[network] >= self._settings.max_told:
                return
            if node[ID_BYTES:] not in self._places and is_reachable(node, from_here=from_here):
                self._add(node, plain, network)

    def _add(self, node: bytes, plain: bool | None, teller: bytes) -> None:
        node_id = node[:ID_BYTES]
        if node_id == self._protocol.node_id:
            return
        self._places.add(node[ID_BYTES:])
        self._told[teller] += 1
        insort(self._order, Candidate(node_id, node, self._target, plain, teller), key=_distance_of)
        if len(self._order) > self._settings.max_candidates and self._order[-1].state in (NEW, SKIPPED):
            self._order.pop()


_distance_of = attrgetter("distance")
