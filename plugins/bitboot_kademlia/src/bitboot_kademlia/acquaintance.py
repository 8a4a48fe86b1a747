"""Whom a node knows: contacts are taken in once they have answered a greeting."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ._library import KademliaProtocol, Node
from .contacts import Contact, ContactTable, Introduced, Suspects
from .messages import NOBODY
from .requests import Answer, Requests
from .settings import Settings
from .tokens import HeldTokens
from .values import ValueStore
from .wire import ID_BYTES, Address

MAX_PLAIN = 1_024
"""Addresses remembered as running the bare library."""


@dataclass(frozen=True)
class NodeSetup:
    """What one node on one socket of one IP family is made of. `now` gives the time in seconds.

    `read_only`: it answers no call. `on_contact` is told of each new contact of our own kind.
    """

    node_id: bytes
    family: int
    settings: Settings
    now: Callable[[], float]
    read_only: bool = False
    on_contact: Callable[[Contact], None] = lambda _: None


class Acquaintance(KademliaProtocol):
    """The part of a node's protocol that makes calls and remembers who answered. `send` takes datagrams."""

    def __init__(self, setup: NodeSetup, send: Callable[[bytes, Address], None]) -> None:
        settings, now, node_id = setup.settings, setup.now, setup.node_id
        super().__init__(Node(node_id), ValueStore(settings, now), settings.k)
        self.node_id: bytes = node_id
        self.family: int = setup.family
        self.settings: Settings = settings
        self.read_only: bool = setup.read_only
        self.caller: bytes = NOBODY if setup.read_only else node_id
        self.counters: Counter[str] = Counter()
        self.suspects: Suspects = Suspects(settings, now)
        self.introduced: Introduced = Introduced(settings, now)
        self.router: ContactTable = ContactTable(node_id, setup.family, settings, self.suspects, now)
        self.held_tokens: HeldTokens = HeldTokens(now, settings.max_held_tokens)
        self.requests: Requests = Requests(
            send,
            settings,
            on_answer=self._on_answer,
            on_silence=self._on_silence,
            token_for=self.held_tokens.get,
        )
        self.now: Callable[[], float] = now
        self._on_contact = setup.on_contact
        self._plain: OrderedDict[Address, None] = OrderedDict()
        self._greeted: set[Address] = set()

    def take_id(self, node_id: bytes) -> None:
        """Go by another id from now on. Others learn of it when we next call them."""
        self.node_id = node_id
        self.source_node: Node = Node(node_id)
        self.caller = NOBODY if self.read_only else node_id
        self.router.take_id(node_id)

    def welcome_if_new(self, node: Node) -> None:
        """The library's: a node has called. It is taken in once it has answered a greeting."""
        self.welcome(node.id, (node.ip, node.port))

    def welcome(self, node_id: bytes, address: Address, *, is_proven: bool = True) -> None:
        """Greet a node of our kind that we have heard of, if there is a place for it.

        Not `is_proven`: only it itself told us of it, so it is greeted once and no more.
        """
        if self._may_greet(address) and self.router.wants(node_id, address):
            self._greet_caller(node_id, address, self._greeting(address, is_repeated=is_proven))

    def welcome_plain(self, node_id: bytes, address: Address) -> None:
        """The same for one that has made one of the library's calls: most likely it has the bare library."""
        is_new = address not in self.introduced and self.router.at(address) is None
        if self._may_greet(address) and (is_new or self.router.wants(node_id, address)):
            call = self.requests.call(address, "ping", [self.node_id], is_repeated=False)
            self._greet_caller(node_id, address, call)

    async def greet(self, address: Address) -> bool:
        """Ask whoever is at `address` who it is; whether another node answered."""
        return self._learn_from(await self._greeting(address), address, None)

    def learn(self, node_id: bytes, address: Address, *, plain: bool) -> None:
        """A node has answered from `address`, and has told its id."""
        if plain:
            self.learn_plain(address)
        else:
            self._plain.pop(address, None)
        contact = self.router.add(node_id, address, plain=plain)
        if contact is not None and not plain:
            self._on_contact(contact)

    def learn_plain(self, address: Address) -> None:
        """The node at `address` answers what the bare library answers, and no more."""
        self._plain[address] = None
        if len(self._plain) > MAX_PLAIN:
            self._plain.popitem(last=False)

    def is_plain(self, address: Address) -> bool:
        """Whether the node at `address` is known to run the bare library."""
        return address in self._plain

    def heard(self, caller: bytes, address: Address, *, is_proven: bool) -> None:
        """A node of our kind has called, by its own account."""
        if caller:
            self._plain.pop(address, None)
            self.suspects.showed_up(address)
            self.welcome(caller, address, is_proven=is_proven)

    def _may_greet(self, address: Address) -> bool:
        return address not in self._greeted and len(self._greeted) < self.settings.max_verifications

    def _greeting(self, address: Address, *, is_repeated: bool = True) -> asyncio.Future[Answer | None]:
        fallback = ("ping", [self.node_id]) if is_repeated else None
        return self.requests.call(address, "hello", [self.caller], fallback=fallback, is_repeated=is_repeated)

    def _greet_caller(self, claimed: bytes, address: Address, call: asyncio.Future[Answer | None]) -> None:
        self._greeted.add(address)
        call.add_done_callback(partial(self._greeting_answered, address, claimed))

    def _greeting_answered(
        self, address: Address, claimed: bytes, future: asyncio.Future[Answer | None]
    ) -> None:
        self._greeted.discard(address)
        self._learn_from(None if future.cancelled() else future.result(), address, claimed)

    def _learn_from(self, answer: Answer | None, address: Address, claimed: bytes | None) -> bool:
        node_id = answer.value if answer is not None else None
        if not isinstance(node_id, bytes) or len(node_id) != ID_BYTES or node_id == self.node_id:
            return False
        if claimed in (None, node_id):
            self.learn(node_id, address, plain=answer is not None and answer.name == "ping")
        return True

    def _on_answer(self, address: Address) -> None:
        self.suspects.answered(address)
        self.introduced.answered(address)
        contact = self.router.at(address)
        if contact is not None:
            contact.heard = self.now()

    def _on_silence(self, address: Address) -> None:
        self.counters["timeouts"] += 1
        self.suspects.failed(address)
