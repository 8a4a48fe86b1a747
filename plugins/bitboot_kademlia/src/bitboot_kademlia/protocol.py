"""The library's protocol with its hazards closed, and with calls of our own for sets of peers.

Of the library stay the messages, the calls of its own and what they answer, so that nodes with the
bare library can take part. What it does on the way is done otherwise here:

    it starts tasks for each datagram, and leaves their errors to the loop   nothing starts a task
    it unpacks whatever comes, and calls with whatever arguments             messages.py reads first
    it takes answers from anybody                                            requests.py asks where from
    it takes in whoever writes, under any id                                 only who answers a greeting
    it pushes all it holds to whoever is new                                 newcomers fetch: healing.py
    it makes a remote call of every attribute it does not have               AttributeError
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, cast

from kademlia.node import Node
from kademlia.protocol import KademliaProtocol

from bitboot_core import KnownHost
from bitboot_core.aio.logs import logger

from .contacts import Contact, ContactTable, Suspects
from .messages import ANSWER, CALL, HEAD_BYTES, NOBODY, PeersAnswer, decode_call, encode_answer
from .requests import Answer, Requests
from .settings import Settings
from .storage import PeerStore, source_of
from .tokens import Tokens
from .udp import Transport
from .values import Value, ValueStore
from .wire import ID_BYTES, Address, pack_reachable

log = logger(__name__)

MAX_PLAIN = 1_024
"""Addresses remembered as running the bare library."""

_ANSWER_OVERHEAD = 100
"""Bytes that an answer takes besides its lists."""

KEYS_PER_ANSWER = 40


class PeerProtocol(KademliaProtocol):  # type: ignore[misc]  # the library has no types
    """One node on one socket of one IP family. `now` gives the time in seconds.

    `on_contact` is told of each new contact of our own kind. `read_only`: no call is answered.
    """

    transport: asyncio.DatagramTransport | None

    def __init__(
        self,
        node_id: bytes,
        family: int,
        settings: Settings,
        now: Callable[[], float],
        *,
        read_only: bool = False,
        on_contact: Callable[[Contact], None] = lambda _: None,
    ) -> None:
        super().__init__(Node(node_id), ValueStore(settings, now), settings.k)
        self.node_id = node_id
        self.family = family
        self.settings = settings
        self.suspects = Suspects(settings, now)
        self.router = ContactTable(node_id, family, settings, self.suspects, now)
        self.peers = PeerStore(settings, now)
        self.tokens = Tokens(now)
        self.read_only = read_only
        self.caller = NOBODY if read_only else node_id
        self.requests = Requests(self._send, settings, on_answer=self._on_answer, on_silence=self._on_silence)
        self.counters: Counter[str] = Counter()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._now = now
        self._on_contact = on_contact
        self._plain: OrderedDict[Address, None] = OrderedDict()
        self._greeted: set[Address] = set()
        self._is_open = False
        self._is_congested = False

    def __getattr__(self, name: str) -> Any:
        """The library would make a remote call of any name that is misspelt."""
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    # The socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is ready."""
        self.transport = cast("asyncio.DatagramTransport", transport)
        self._is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed: nobody will answer any more."""
        self.close()
        if not self.closed.done():
            self.closed.set_result(None)

    def close(self) -> None:
        """Stop receiving and sending. What waits for an answer has none."""
        self._is_open = False
        self.requests.close()
        if self.transport is not None:
            self.transport.close()
        elif not self.closed.done():
            self.closed.set_result(None)  # it never had a socket

    def pause_writing(self) -> None:
        """The socket takes no more: what is sent now is lost, as it may be anywhere on its way."""
        self._is_congested = True

    def resume_writing(self) -> None:
        """It does again."""
        self._is_congested = False

    def error_received(self, exc: Exception) -> None:
        """An earlier datagram could not be sent, or was refused: the other side's affair."""
        self.counters["refused"] += 1

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """A datagram has come from a stranger. Whatever it holds, nothing is raised."""
        if not self._is_open:
            return
        self.counters["received"] += 1
        try:
            self._receive(data, (addr[0], addr[1]))
        except ValueError as error:
            self.counters["malformed"] += 1
            log.debug("a datagram from %s: %s", addr, error)
        except Exception:
            # The last line of defence: a stranger must never stop the node. It is a bug, so say so.
            self.counters["errors"] += 1
            log.exception("a datagram of %d bytes could not be handled", len(data))

    def _receive(self, data: bytes, address: Address) -> None:
        if not HEAD_BYTES < len(data) <= self.settings.max_datagram:
            raise ValueError(f"{len(data)} bytes")
        kind, message_id, packed = data[0], data[1:HEAD_BYTES], data[HEAD_BYTES:]
        if kind == ANSWER:
            if not self.requests.receive(message_id, packed, address):
                self.counters["strays"] += 1
        elif kind == CALL:
            if not self.read_only:
                self._answer(message_id, packed, address)
        else:
            raise ValueError("neither a call nor an answer")

    def _answer(self, message_id: bytes, packed: bytes, address: Address) -> None:
        name, args = decode_call(packed)
        self.counters["calls"] += 1
        answer = getattr(self, f"rpc_{name}")(address, *args)
        self._send(encode_answer(message_id, answer), address)

    def _send(self, datagram: bytes, address: Address) -> None:
        if self.transport is not None and self._is_open and not self._is_congested:
            self.counters["sent"] += 1
            self.transport.sendto(datagram, address)

    # Calls that others make

    def rpc_store(self, sender: Address, nodeid: bytes, key: bytes, value: Value) -> bool:
        """The library's: keep a value, as long as there is room."""
        try:
            return bool(super().rpc_store(sender, nodeid, key, value))
        except KeyError:
            return False

    def rpc_hello(self, sender: Address, caller: bytes) -> bytes:
        """Who are you? As the library's ping, which nodes of our kind need not call."""
        self._heard(sender, caller)
        return self.node_id

    def rpc_find_peers(self, sender: Address, caller: bytes, key: bytes, after: int) -> PeersAnswer:
        """The peers under `key` after number `after`, and, with the first of them, nodes nearer to it.

        With a token, which gives the right to announce from this IP address.
        """
        self._heard(sender, caller)
        nodes = plain = b""
        if not after:
            nodes, plain = self._nodes_near(int.from_bytes(key, "big"), sender)
        budget = self.settings.reply_bytes - _ANSWER_OVERHEAD - len(nodes) - len(plain)
        peers, more = self.peers.peers(key, after, budget)
        token = self.tokens.issue(sender[0])
        return PeersAnswer(self.node_id, token, self.peers.fingerprint(key), more, peers, nodes, plain)

    def _nodes_near(self, target: int, sender: Address) -> tuple[bytes, bytes]:
        k = self.settings.k
        near = self.router.closest(target, k, plain=False, exclude=sender)
        others = []
        if len(near) < k:
            others = self.router.closest(target, k - len(near), plain=True, exclude=sender)
        return (
            b"".join([contact.packed for contact in near]),
            b"".join([contact.packed for contact in others]),
        )

    def rpc_announce(  # noqa: PLR0917 - as they come in the message
        self,
        sender: Address,
        caller: bytes,
        key: bytes,
        host: str,
        port: int,
        lifetime: int,
        token: bytes,
        commitment: bytes,
    ) -> int:
        """Keep a peer; for how many seconds, 0 for not at all.

        No host is the address that the sender is seen at, port 0 the port.
        """
        self._heard(sender, caller)
        if not self.tokens.accepts(token, sender[0]):
            return 0
        endpoint = pack_reachable(KnownHost(host or sender[0], port or sender[1]))
        return int(self.peers.announce(key, endpoint, commitment, lifetime, source_of(sender[0])))

    def rpc_withdraw(self, sender: Address, caller: bytes, key: bytes, secret: bytes) -> bool:
        """Take back what was announced with the commitment to `secret`; whether there was any."""
        self._heard(sender, caller)
        return self.peers.withdraw(key, secret)

    def rpc_keys(self, sender: Address, caller: bytes, after: bytes) -> list[Any]:
        """Keys held here, nearest to the caller first: [key, fingerprint, key, fingerprint, ...]."""
        self._heard(sender, caller)
        target = int.from_bytes(caller, "big")
        beyond = int.from_bytes(after, "big") ^ target if after else -1
        keys = self.peers.nearest_keys(target, beyond, KEYS_PER_ANSWER)
        return [part for key in keys for part in (key, self.peers.fingerprint(key))]

    def rpc_records(self, sender: Address, caller: bytes, key: bytes, after: int) -> list[Any]:
        """What is held under `key` after number `after`, for the caller to hold too, and what is next."""
        self._heard(sender, caller)
        return list(self.peers.records(key, after, self.settings.reply_bytes - _ANSWER_OVERHEAD))

    # Whom we know

    def welcome_if_new(self, node: Node) -> None:
        """The library's: a node has called. It is taken in once it has answered a greeting."""
        self.welcome(node.id, (node.ip, node.port))

    def welcome(self, node_id: bytes, address: Address) -> None:
        """Greet a node that we have heard of, if there is a place for it."""
        if address in self._greeted or len(self._greeted) >= self.settings.max_verifications:
            return
        if self.router.wants(node_id, address):
            self._greeted.add(address)
            self._greeting(address).add_done_callback(partial(self._greeting_answered, address, node_id))

    async def greet(self, address: Address) -> bool:
        """Ask whoever is at `address` who it is; whether another node answered."""
        return self._learn_from(await self._greeting(address), address, None)

    def address_of(self, contact: KnownHost) -> Address:
        """Where to ask a contact whose host is an IP address. The zone of a link-local one is remembered."""
        if isinstance(self.transport, Transport):
            self.transport.remember(contact)
        return contact.host.partition("%")[0], contact.port

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

    def _heard(self, sender: Address, caller: bytes) -> None:
        """A node of our kind has called."""
        if caller:
            self._plain.pop(sender, None)
            self.suspects.showed_up(sender)
            self.welcome(caller, sender)

    def _greeting(self, address: Address) -> asyncio.Future[Answer | None]:
        return self.requests.call(address, "hello", [self.caller], fallback=("ping", [self.node_id]))

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
        contact = self.router.at(address)
        if contact is not None:
            contact.heard = self._now()

    def _on_silence(self, address: Address) -> None:
        self.counters["timeouts"] += 1
        self.suspects.failed(address)
