"""The adapter between the core's backend contract and the nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from bitboot_core import (
    AnnounceFailed,
    Announces,
    Backend,
    BackendConfig,
    BackendError,
    BackendTimeout,
    Capabilities,
    KnownHost,
    NotRunning,
    Receipt,
    RequestHandler,
    RoutingContact,
    Scope,
    UnsupportedOperation,
)
from bitboot_core.aio.clock import SystemClock
from bitboot_core.aio.requests import check_request
from bitboot_core.aio.udp import bind

from .announced import Announcements
from .bootstrap import reach
from .exchange import MAX_PAYLOAD
from .node import PeerNode
from .settings import Settings
from .wire import pack_endpoint, unpack_endpoint


class KademliaBackend(Backend):
    """A node of a private DHT, or two: one for each IP family that it listens on.

    Made by the plugin's `BackendSpec`; `settings` and `now`, which gives the time in seconds, are
    for tests and tools. With `config.read_only` it announces and finds, but answers nobody.
    """

    def __init__(
        self,
        config: BackendConfig,
        settings: Settings | None = None,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._config = config
        self._settings = settings or Settings()
        self._now = now or SystemClock().now
        self._nodes: dict[int, PeerNode] = {}
        self._ending: list[PeerNode] = []
        self._announced = Announcements(self._now)

    @property
    def capabilities(self) -> Capabilities:
        """Any address can be announced, and withdrawn by whoever announced it."""
        return Capabilities(
            can_withdraw=True,
            announces=Announces.ANY_ADDRESS,
            scope=Scope.PUBLIC,
            max_lifetime=self._settings.max_lifetime,
            crowd=self._settings.max_peers_per_key * 3 // 4,
            own_port=True,
            max_request=MAX_PAYLOAD,
        )

    @property
    def nodes(self) -> Mapping[int, PeerNode]:
        """The nodes by IP family, for those who want to look closer. Raises NotRunning."""
        if not self._nodes:
            raise NotRunning("this node is not running", hint="start() it first, and not after aclose()")
        return self._nodes

    async def start(self) -> None:
        """Bind the sockets and begin to serve. Raises ListenFailed."""
        if self._nodes:
            return
        sockets = await bind(self._config.listen)
        try:
            for family in list(sockets):
                node = PeerNode(family, self._settings, self._now, read_only=self._config.read_only)
                self._nodes[family] = node
                node.start(sockets.pop(family))
        except BaseException:
            for sock in sockets.values():
                sock.close()
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Stop without a word; whoever still waits gets NotRunning."""
        self._ending += self._nodes.values()
        self._nodes = {}
        for node in self._ending:
            node.close()  # all of them, before anybody can interrupt us
        while self._ending:
            await self._ending[-1].closed()
            self._ending.pop()

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        """Have the nodes closest to `key` keep `endpoint`.

        Raises AnnounceFailed, and UnsupportedOperation for what nobody could connect to. Alone in a
        network that is only beginning, a node keeps it itself, until others come and fetch it.
        """
        nodes = self.nodes
        _check(endpoint)
        lifetime = min(lifetime, self._settings.max_lifetime)
        entry = self._announced.begin(key, endpoint, lifetime)
        stored = await asyncio.gather(
            *(
                node.announce(key, _as_seen_from(node, endpoint), lifetime, entry.secret)
                for node in nodes.values()
            )
        )
        self._check_still_running()
        for family, one in zip(nodes, stored, strict=True):
            for address in one.holders:
                entry.holders[family, address] = self._now() + lifetime
        others = sum(len(one.holders) for one in stored)
        is_here = any(one.here for one in stored)
        if not others and (self._known() or not is_here):
            raise AnnounceFailed(
                f"none of the network's nodes stored the announcement ({self._known()} contacts known)",
                hint="check that UDP is not filtered on the way out"
                if self._known()
                else "wait until other nodes have joined",
            )
        return Receipt(
            stored_on=others + is_here,
            lifetime=min(one.lifetime for one in stored if one.holders or one.here),
        )

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        """Take back what this backend announced; of anything else nothing happens.

        Raises BackendError where no node confirms: it then expires by itself.
        """
        nodes = self.nodes
        entry = self._announced.get(key, endpoint)
        if entry is None:
            return
        entry.is_withdrawn = True
        confirmed = await asyncio.gather(
            *(
                node.withdraw(key, entry.secret, [at for of, at in entry.holders if of == family])
                for family, node in nodes.items()
            )
        )
        if entry.holders and not sum(confirmed):
            raise BackendError(
                f"none of the {len(entry.holders)} nodes that keep {endpoint} confirmed that it is withdrawn",
                hint=f"it expires by itself within {max(0.0, entry.expires - self._now()):.0f} s",
            )

    async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        """Yield each peer once, as the nodes' answers come in.

        Raises BackendTimeout where we know nodes, and none of them answers.
        """
        nodes = self.nodes
        arrivals: asyncio.Queue[Collection[bytes]] = asyncio.Queue()  # crawls are capped, so this is
        for node in nodes.values():
            arrivals.put_nowait(node.kept(key))
        crawls = [node.find(key, arrivals.put_nowait) for node in nodes.values()]
        for crawl in crawls:
            crawl.done.add_done_callback(lambda _: arrivals.put_nowait(()))
        seen: set[bytes] = set()
        try:
            while not (arrivals.empty() and all(crawl.done.done() for crawl in crawls)):
                for packed in await arrivals.get():
                    endpoint = None if packed in seen else _read(packed)
                    seen.add(packed)
                    if endpoint is not None:
                        yield endpoint
        finally:
            for crawl in crawls:
                crawl.close()
        self._check_still_running()
        known = self._known()
        if known and not seen and not any(crawl.done.result() for crawl in crawls):
            raise BackendTimeout(
                f"none of the {known} nodes that we know answered", hint="check that this machine is online"
            )

    async def request(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        """Ask the handler of the node at `endpoint`. One without an answer is silent: BackendTimeout."""
        check_request(endpoint, payload, max_request=MAX_PAYLOAD, families=self.nodes)
        protocol = self.nodes[endpoint.family or 4].protocol
        return await protocol.exchange.ask(protocol.address_of(endpoint), payload, timeout)

    def on_request(self, handler: RequestHandler | None) -> None:
        """Have `handler` answer what other nodes request, also where this one is read-only."""
        for node in self.nodes.values():
            node.protocol.exchange.answering.use(handler)

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        """Join through `contacts`; how many of them answered.

        Names are resolved side by side. Raises BootstrapFailed, HostNotFound.
        """
        nodes = self.nodes
        with ExitStack() as stack:
            for node in nodes.values():
                stack.enter_context(node.healing.paused())
            answered = await reach(contacts, {family: node.protocol for family, node in nodes.items()})
            await asyncio.gather(*(node.join() for node in nodes.values() if len(node.protocol.router)))
        self._check_still_running()
        return answered

    def contacts(self) -> list[KnownHost]:
        """Nodes that answered when they were last asked, the latest first."""
        alive = [
            (contact.heard, node.protocol.known_host(contact.address))
            for node in self.nodes.values()
            for contact in node.protocol.router
            if contact.address not in node.protocol.suspects
        ]
        alive.sort(key=lambda one: -one[0])
        return [host for _, host in alive]

    def routing_table(self) -> list[RoutingContact]:
        """The contacts of both IP families' tables. The round trip of a single one is not kept."""
        return [
            RoutingContact(
                node.protocol.known_host(contact.address),
                (contact.long_id ^ int.from_bytes(node.protocol.node_id)).bit_length(),
                silent=contact.address in node.protocol.suspects,
            )
            for node in self.nodes.values()
            for contact in node.protocol.router
        ]

    @property
    def address(self) -> KnownHost:
        """Where it listens: IPv4 where it speaks both."""
        return next(iter(self.nodes.values())).address

    @property
    def seen_at(self) -> Collection[str]:
        """The addresses that others see this node at, where it listens everywhere."""
        return [host for node in self.nodes.values() for host in node.seen_at]

    def stats(self) -> Mapping[str, int | float]:
        """Datagrams, timeouts, contacts, what is stored, and the smoothed round trip in seconds."""
        protocols = [node.protocol for node in self.nodes.values()]
        names = (
            *("sent", "received", "sent_bytes", "received_bytes", "calls", "unanswered", "timeouts"),
            *("malformed", "strays", "refused", "errors"),
        )
        return {
            **{name: sum(one.counters[name] for one in protocols) for name in names},
            "contacts": self._known(),
            "silent": sum(len(one.suspects) for one in protocols),
            "stored_peers": sum(len(one.peers) for one in protocols),
            "stored_keys": sum(one.peers.keys for one in protocols),
            "stored_values": sum(len(one.storage) for one in protocols),
            "round_trip": max(one.requests.round_trips.mean for one in protocols),
        }

    def _known(self) -> int:
        return sum(len(node.protocol.router) for node in self.nodes.values())

    def _check_still_running(self) -> None:
        if not self._nodes:
            raise NotRunning("the node was closed meanwhile")


def _check(endpoint: KnownHost) -> None:
    """Raise UnsupportedOperation for what cannot be announced."""
    if not endpoint.is_any and not endpoint.port:
        raise UnsupportedOperation(
            f"nobody could connect to port 0 of {endpoint.host}",
            hint="announce the port that the peer listens on",
        )
    try:
        pack_endpoint(endpoint)
    except ValueError as error:
        raise UnsupportedOperation(str(error), hint="announce its IP address") from error


def _as_seen_from(node: PeerNode, endpoint: KnownHost) -> KnownHost:
    """`endpoint`, with what stands for "mine" filled in as far as this node knows it."""
    if not endpoint.is_any:
        return endpoint
    own = node.address
    # Listening everywhere we do not know our address: others see it.
    return replace(endpoint, host="") if own.is_any else KnownHost(own.host, endpoint.port or own.port)


def _read(packed: bytes) -> KnownHost | None:
    try:
        return unpack_endpoint(packed)
    except ValueError:
        return None  # a host that is none: strangers can answer anything
