"""The adapter between the core's backend contract and the mainline node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, TypeVar

from bitboot_core import (
    Announces,
    Backend,
    BackendConfig,
    Capabilities,
    Item,
    KnownHost,
    NotRunning,
    Place,
    Receipt,
    RequestHandler,
    RoutingContact,
    Scope,
    SwarmSize,
)
from bitboot_core.aio.requests import Answering
from bitboot_core.aio.udp import is_own_address

from .announcing import announce
from .asking.requests import MAX_PAYLOAD
from .asking.transaction import Outcome
from .item_calls import ItemCalls
from .joining import join
from .looking_up import lookup, lookup_through
from .lookup.per_family import Operation
from .lookup.sampled import CROWD
from .lookup.survey import Sample
from .node import Node
from .node_stats import routing_table, stats
from .own_machine import OwnMachine
from .peer_stream import Arrivals
from .requesting import request
from .settings import Settings
from .surveying import samples, swarm_size
from .udp import UdpDriver
from .wire import compact
from .wire.compact import Address

_T = TypeVar("_T")


class MainlineBackend(Backend):
    """A BEP 5 node on UDP. Made by the plugin's `BackendSpec`; `settings` is for tests and tools.

    Listening on loopback the node can only meet others on this machine, which share one address,
    so that the limits per address are off (`Settings.relaxed`).
    """

    def __init__(self, config: BackendConfig, settings: Settings | None = None) -> None:
        self._config = config
        self._settings = settings
        self._driver: UdpDriver | None = None
        self._waiters: set[asyncio.Future[int]] = set()
        self._requests: set[asyncio.Future[Outcome]] = set()
        self._answering = Answering()
        self._lookups: set[Arrivals[Any]] = set()
        self._moved: Callable[[], None] = lambda: None

    @property
    def capabilities(self) -> Capabilities:
        """BEP 5 stores the sender's address and has no way to take it back."""
        families = frozenset(self._driver.node.tables) if self._driver is not None else frozenset({4, 6})
        return Capabilities(
            can_withdraw=False,
            announces=Announces.OWN_ADDRESS,
            scope=Scope.PUBLIC,
            families=families,
            max_lifetime=(self._settings or Settings()).peer_lifetime,
            crowd=CROWD,
            own_port=True,
            max_request=MAX_PAYLOAD,
            sizes=True,
            items=True,
            early_lookups=True,
        )

    @property
    def node(self) -> Node:
        """The engine, for those who want to look closer."""
        return self._running.node

    @property
    def _running(self) -> UdpDriver:
        if self._driver is None:
            raise NotRunning("this node is not running", hint="start() it first, and not after aclose()")
        return self._driver

    async def start(self) -> None:
        """Bind the sockets. Raises ListenFailed."""
        if self._driver is None:
            self._driver = await UdpDriver.open(self._make_node, self._config.listen)

    def _make_node(self, families: list[int], now: float) -> Node:
        settings = self._settings
        if settings is None:
            settings = Settings()
            listen = self._config.listen
            if listen is not None and listen.family is not None:
                ip = compact.pack(listen.host, listen.port)[:-2]
                settings = settings.relaxed() if compact.scope(ip) == "loopback" else settings
        node = Node(
            now=now,
            settings=settings,
            families=families,
            read_only=self._config.read_only,
            machine=OwnMachine(self._config.listen),
        )
        node.on_moved = self._tell_moved
        return node

    async def aclose(self) -> None:
        """Close the sockets; whoever still waits gets NotRunning."""
        driver, self._driver = self._driver, None
        if driver is None:
            return
        _fail(self._waiters)
        _fail(self._requests)
        for arrivals in list(self._lookups):
            arrivals.fail(_closed())
        await driver.aclose()

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        """Announce this node's own address under `key`. Port 0 means the port others see us use."""
        return await announce(self._running, self._run, key, endpoint, lifetime)

    def lookup(self, key: bytes) -> AsyncGenerator[KnownHost, None]:
        """Yield each peer once, as the nodes' answers come in. Raises BackendTimeout where none comes."""
        return lookup(self._running, self._lookups, key)

    def lookup_through(self, key: bytes, contacts: Sequence[KnownHost]) -> AsyncGenerator[KnownHost, None]:
        """The same for a node that knows nobody yet: see `lookup.opening`."""
        return lookup_through(self._running, self._lookups, key, contacts)

    async def request(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        """Ask the handler of the node at `endpoint`, by a KRPC method that BEP 5 does not have."""
        return await request(self._running, self._requests, endpoint, payload, timeout)

    def on_request(self, handler: RequestHandler | None) -> None:
        """Have `handler` answer what other nodes request, also where this one is read-only (BEP 43)."""
        driver = self._running
        self._answering.use(handler)

        def answer(sender: Address, payload: bytes) -> bytes | None:
            return self._answering.answer(driver.known_host(sender), payload, self._now())

        driver.node.requested.handler = None if handler is None else answer
        driver.flush()  # it has another deadline

    async def size(self, key: bytes) -> SwarmSize:
        """About how many peers are under `key`: IP addresses, as the nodes next to it count them (BEP 33).

        What it promises: see `lookup.counting`. Raises BackendTimeout where no node answers.
        """
        return await swarm_size(self._running, self._run, key)

    def sample(self, nodes: int = 100) -> AsyncGenerator[Sample, None]:
        """Yield what up to so many nodes in each IP family show of the keys that they store (BEP 51).

        5 nodes a second are asked (`Settings.samples_per_second`), none again before its interval is over.
        Raises BackendTimeout where there is nobody to ask.
        """
        return samples(self._running, self._lookups, nodes)

    async def publish(self, item: Item, *, cas: int | None = None) -> Receipt:
        """Put a mutable item to the closest nodes (BEP 44)."""
        return await self._items.publish(item, cas)

    async def resolve(self, public_key: bytes, salt: bytes) -> Item | None:
        """Get a mutable item from the closest nodes, the newest version that any of them has."""
        return await self._items.resolve(public_key, salt)

    async def put_item(self, encoded: bytes) -> Receipt:
        """Put an immutable item to the closest nodes."""
        return await self._items.put(encoded)

    async def get_item(self, target: bytes) -> bytes | None:
        """Get an immutable item from whoever has it."""
        return await self._items.get(target)

    @property
    def _items(self) -> ItemCalls:
        return ItemCalls(self._running.node, self._run, self._now)

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        """Find our place in the DHT through `contacts`; names are resolved side by side."""
        return await join(self._running, contacts, self._bootstrap)

    async def _bootstrap(self, addresses: list[Address]) -> int:
        node = self._running.node
        return await self._run(lambda done: node.bootstrap(addresses, done, now=self._now()))

    async def _run(self, begin: Callable[[Callable[[int], None]], Operation]) -> int:
        driver = self._running
        waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        operation = begin(lambda result: None if waiter.done() else waiter.set_result(result))
        self._waiters.add(waiter)
        driver.flush()
        try:
            return await waiter
        finally:
            operation.cancel()
            self._waiters.discard(waiter)

    def contacts(self) -> list[KnownHost]:
        """Contacts that answered recently, the latest first."""
        driver = self._running
        return [driver.known_host(address) for address in driver.node.alive_contacts()]

    def routing_table(self) -> list[RoutingContact]:
        """The contacts of both IP families' tables (BEP 5, "Routing Table")."""
        driver = self._running
        return routing_table(driver.node, driver.known_host)

    @property
    def address(self) -> KnownHost:
        """Where the node listens."""
        return self._running.address

    @property
    def seen_at(self) -> list[str]:
        """Our addresses as enough other nodes see them (BEP 42)."""
        elected = [external.ip for external in self._running.node.external.values()]
        return [compact.unpack(ip + b"\0\0")[0] for ip in elected if ip is not None]

    @property
    def places(self) -> Mapping[int, Place]:
        """Whether others can reach us, by family: inferred, see `table.reach`."""
        reach, now = self._running.node.reach, self._now()
        return {family: seen.place(is_own_address, now) for family, seen in reach.items()}

    def mapped_at(self, outside: Mapping[int, KnownHost]) -> None:
        """A node behind a NAT serves others where the router lets them in."""
        if self._driver is not None:
            self._driver.node.mapped_at({family: place.port for family, place in outside.items()})

    def on_moved(self, handler: Callable[[], None]) -> None:
        """Have `handler` called when `seen_at` changes."""
        self._moved = handler

    def _tell_moved(self) -> None:
        self._moved()

    def stats(self) -> Mapping[str, int | float]:
        """Datagrams, timeouts, contacts, stored peers and the smoothed round trip in seconds.

        `nodes_ipv4`, `nodes_ipv6`: about how many nodes the DHT has, with `..._low` and `..._high` the bounds
        of 95 % certainty; 0 while fewer than 6 lookups have told (`lookup.population`). `unsent`: what the
        system would not send. `refused`: reads that failed, mostly as ICMP tells that a datagram was refused.
        `errors`: exceptions, which were logged. `serves`: in how many IP versions it serves the internet, see
        `server.serving`.
        """
        return stats(self._running.node)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _fail(waiters: set[asyncio.Future[_T]]) -> None:
    for waiter in list(waiters):
        if not waiter.done():
            waiter.set_exception(_closed())


def _closed() -> NotRunning:
    return NotRunning("the node was closed meanwhile")
