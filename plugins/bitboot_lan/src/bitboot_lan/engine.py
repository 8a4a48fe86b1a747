"""The protocol: takes what comes and the time, and says what to send and when to be asked again.

No sockets and no clock: what is sent goes through a function that tells from how many addresses it left.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bitboot_core import BitBootError, KnownHost
from bitboot_core.aio.limits import AddressLimits, Allowance, packed

from .announced import Announced, Batch
from .answers import Answers
from .message import MAX_KEYS, Kind, Message, decode
from .peers import Peers
from .searches import Search, Searches
from .settings import Settings

ALL = b""
"""The key of an allowance that all share."""

EXPIRE_EVERY = 60.0
"""Seconds between two times that peers who lapsed are looked for."""

TRUSTED = 5.0
"""Seconds for which it is believed that what could be sent still can be."""

ANYWHERE = KnownHost("", 0)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a datagram. `host`: its address, with a zone where it needs one."""

    host: str
    is_neighbour: bool


Send = Callable[[Message, KnownHost], int]
"""Sends a message from all of our addresses that an endpoint's host stands for; from how many it left."""


class Engine:
    """One program's part in the group."""

    def __init__(
        self, settings: Settings, send: Send, unsent: Callable[[], BitBootError], random: Random
    ) -> None:
        """`unsent`: the error that says why a message has just left from no address."""
        self._settings, self._send, self._unsent = settings, send, unsent
        self._cookie = f"{random.getrandbits(31):08x}"  # libtorrent reads it as a signed number
        self.announced: Announced = Announced(settings)
        self.peers: Peers = Peers(settings)
        self.counters: Counter[str] = Counter()
        self._answers = Answers(settings, random)
        self.searches: Searches = Searches(settings)
        self._limits = AddressLimits(settings.received_per_second, None)
        self._may_answer = Allowance(
            settings.answers_per_second, settings.burst * settings.answers_per_second
        )
        self._sent_from: dict[str, float] = {}  # hosts of endpoints, and when something left from there
        self._leaving: dict[KnownHost, list[bytes]] = {}
        self._heard_ourselves = -math.inf
        self._expire_at = -math.inf

    # What the program wants

    def announce(self, key: bytes, endpoint: KnownHost, lifetime: float, now: float) -> bool:
        """Announce an endpoint for so many seconds from now on. Whether anything can be sent.

        Where nothing was sent just now, it is tried with a question, since the announcement itself may have
        to wait for its turn. Where nothing can be sent, it is not announced.
        """
        if now - self._sent_from.get(endpoint.host, -math.inf) > TRUSTED:
            question = Message(Kind.ASK, (key,), 0, self._cookie)
            if not self._send(question, endpoint):
                return False
            self._sent_from[endpoint.host] = now
        self.announced.add(key, endpoint, now + lifetime, now)
        return True

    def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        """Announce it no more, and say goodbye with the next `poll`."""
        if self.announced.remove(key, endpoint):
            self._leaving.setdefault(endpoint, []).append(key)
            if key not in self.announced:
                self._answers.forget(key)

    def leave(self, now: float) -> None:
        """Say goodbye in all swarms, at once."""
        for batch in self.announced.everything(now):
            self._leaving.setdefault(batch.endpoint, []).extend(batch.keys)
        self._say_goodbye()

    def look(self, key: bytes, now: float, wake: Callable[[], None]) -> Search:
        """Begin a lookup: who is known already, and whoever answers."""
        search = Search(key, now, wake)
        for peer in self.peers.of(key, now):
            search.found(peer)
        self.searches.add(search)
        return search

    def moved(self, now: float, is_neighbour: Callable[[str], bool]) -> None:
        """We are on other networks, or have other addresses: everybody is to hear of it."""
        self._sent_from.clear()
        self.announced.all_due(now)
        self.peers.keep(is_neighbour)

    # What comes

    def receive(self, datagram: bytes, sender: Sender, now: float) -> None:
        """Read a datagram. Whatever a stranger sends, it raises nothing."""
        self.counters["received"] += 1
        self.counters["received_bytes"] += len(datagram)
        if not sender.is_neighbour:
            self.counters["foreign"] += 1
            return
        message = decode(datagram)
        if message is None:
            self.counters["malformed"] += 1
            return
        if message.cookie == self._cookie:
            self.counters["own"] += 1
            self._heard_ourselves = now
            return
        if not self._limits.take(packed(sender.host), now):
            self.counters["limited"] += 1
            return
        if message.kind is Kind.ASK:
            self._answers.ask([key for key in message.keys if key in self.announced], now)
        else:
            self._note(message, KnownHost(sender.host, message.port), now)

    def _note(self, message: Message, peer: KnownHost, now: float) -> None:
        if message.kind is Kind.LEAVE:
            for key in message.keys:
                self.peers.left(key, peer)
            return
        lifetime = None if message.lifetime is None else float(message.lifetime)
        fresh = [key for key in message.keys if self.peers.heard(key, peer, lifetime, now)]
        self._answers.greet([key for key in fresh if key in self.announced], now)
        self.searches.heard(message.keys, peer)

    # What goes out

    def poll(self, now: float) -> None:
        """Send what is due, and end the lookups whose time is up."""
        if now >= self._expire_at:
            self._expire_at = now + EXPIRE_EVERY
            self.peers.expire(now)
        self._say_goodbye()
        self.searches.ask(now, self._ask)
        self._answer(now)
        batch = self.announced.take(now)
        if batch is not None and not self._tell(batch):
            self._sent_from.clear()
            self.announced.failed(batch, now)
        self.searches.end(now, self._heard_ourselves)

    def deadline(self) -> float:
        """When to poll again at the latest."""
        others = (self._answers.due, self.announced.due(), self.searches.due())
        return min([self._expire_at, *(time for time in others if time is not None)])

    def _ask(self, keys: tuple[bytes, ...]) -> BitBootError | None:
        if self._send(Message(Kind.ASK, keys, 0, self._cookie), ANYWHERE):
            return None
        return self._unsent()

    def _answer(self, now: float) -> None:
        keys = self._answers.take(now)
        if not keys:
            return
        for batch in self.announced.answering(keys, now):
            if self._may_answer.take(ALL, now):
                self._tell(batch)
                self.counters["answers"] += 1
            else:
                self.counters["suppressed"] += 1

    def _tell(self, batch: Batch) -> int:
        lifetime = max(1, math.ceil(batch.lifetime))
        message = Message(Kind.MEMBER, batch.keys, batch.endpoint.port, self._cookie, lifetime)
        return self._send(message, batch.endpoint)

    def _say_goodbye(self) -> None:
        while self._leaving:
            endpoint, keys = self._leaving.popitem()
            for start in range(0, len(keys), MAX_KEYS):
                some = tuple(keys[start : start + MAX_KEYS])
                self._send(Message(Kind.LEAVE, some, endpoint.port, self._cookie), endpoint)
