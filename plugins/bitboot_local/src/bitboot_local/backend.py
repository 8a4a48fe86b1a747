"""The backend `local`: a DHT without the D, the H and the T."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from bitboot_core import (
    Announces,
    Backend,
    BackendConfig,
    BackendTimeout,
    Capabilities,
    Item,
    KnownHost,
    NotRunning,
    Receipt,
    RequestHandler,
    RequestRefused,
    Scope,
    SwarmSize,
    UnsupportedOperation,
)
from bitboot_core.aio.requests import check_request
from bitboot_core.items import mutable_target

from .space import Node, Space, enter, leave

MINE = "127.0.0.1"
"""What an announcement without a host means: whoever finds it is in this process."""

CAPABILITIES = Capabilities(
    can_withdraw=True,
    announces=Announces.ANY_ADDRESS,
    scope=Scope.PROCESS,
    max_lifetime=86_400.0,
    own_port=True,
    max_request=1_000,
    sizes=True,
    items=True,
)


class LocalBackend(Backend):
    """A node of the in-memory network named `config.network`, shared by the whole process."""

    def __init__(self, config: BackendConfig, now: Callable[[], float] = time.monotonic) -> None:
        """`now`: the time in seconds. Nodes that meet must agree on it."""
        self._config = config
        self._now = now
        self._space: Space | None = None
        self._announced = 0
        self._looked_up = 0
        self._node: Node | None = None
        self._place = KnownHost("", 0)
        self._waiting: set[asyncio.Future[bytes | None]] = set()

    @property
    def capabilities(self) -> Capabilities:
        """Any address can be announced and withdrawn; it is found within this process."""
        return CAPABILITIES

    async def start(self) -> None:
        """Join the network."""
        if self._space is None:
            self._space = enter(self._config.network)
            self._node = Node(asyncio.get_running_loop())
            self._place = self._space.place(self._node)

    async def aclose(self) -> None:
        """Leave the network. What was announced stays with the nodes that are left, for its time."""
        space, self._space = self._space, None
        if space is not None:
            space.clear(self._place)
            leave(self._config.network, space)
            for waiter in self._waiting:
                if not waiter.done():
                    waiter.set_exception(NotRunning("the node was closed meanwhile"))

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        """Store `endpoint`. Raises AnnounceFailed where the network is full."""
        granted = min(lifetime, CAPABILITIES.max_lifetime)
        self._running().store(key, self._concrete(endpoint), granted, self._now())
        self._announced += 1
        return Receipt(stored_on=1, lifetime=granted)

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        """Forget `endpoint`."""
        self._running().drop(key, self._concrete(endpoint))

    async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        """Yield the endpoints under `key`, oldest first."""
        self._looked_up += 1
        for endpoint in self._running().peers(key, self._now()):
            yield endpoint

    async def request(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        """Ask a node of this process, on any loop. Raises BackendTimeout where there is none."""
        space = self._running()
        check_request(endpoint, payload, max_request=CAPABILITIES.max_request)
        node, own, loop = space.node_at(endpoint), self._place, asyncio.get_running_loop()
        if node is None:
            raise BackendTimeout(f"no node of this process is at {endpoint}", hint="it may have been closed")
        waiter: asyncio.Future[bytes | None] = loop.create_future()
        self._waiting.add(waiter)

        def settle(answer: bytes | None) -> None:
            if not waiter.done():
                waiter.set_result(answer)

        def ask() -> None:
            if space.node_at(endpoint) is node:  # else it has been closed: nobody answers
                _call(loop, settle, node.answering.answer(own, payload, self._now()))

        try:
            _call(node.loop, ask)
            async with asyncio.timeout(timeout):
                answer = await waiter
        except TimeoutError:
            raise BackendTimeout(
                f"{endpoint} did not answer within {timeout:g} s", hint="its event loop may be held up"
            ) from None
        finally:
            self._waiting.discard(waiter)
        if answer is None:
            raise RequestRefused(
                f"the node at {endpoint} answers no such request",
                hint="a node answers where its program has asked for requests, and wants to answer this one",
            )
        return answer

    def on_request(self, handler: RequestHandler | None) -> None:
        """Have `handler` answer what other nodes of this process request."""
        self._running()
        assert self._node is not None
        self._node.answering.use(handler)

    async def size(self, key: bytes) -> SwarmSize:
        """How many endpoints there are under `key`, exactly. None of them is told to be a seed."""
        return SwarmSize(seeds=0, peers=len(self._running().peers(key, self._now())))

    async def publish(self, item: Item, *, cas: int | None = None) -> Receipt:
        """Keep a version of a mutable item."""
        return self._running().items.publish(item, cas, self._now())

    async def resolve(self, public_key: bytes, salt: bytes) -> Item | None:
        """The newest version of a mutable item."""
        found = self._running().items.get(mutable_target(public_key, salt), self._now())
        return found if isinstance(found, Item) else None

    async def put_item(self, encoded: bytes) -> Receipt:
        """Keep an immutable item."""
        return self._running().items.put(encoded, self._now())

    async def get_item(self, target: bytes) -> bytes | None:
        """The value of an immutable item."""
        found = self._running().items.get(target, self._now())
        return found if isinstance(found, bytes) else None

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        """Everybody is in touch already, whatever the contacts."""
        self._running()
        return len(contacts)

    def contacts(self) -> list[KnownHost]:
        """There are none: a process needs nobody to find itself."""
        self._running()
        return []

    @property
    def address(self) -> KnownHost:
        """Nowhere in particular: it has no socket."""
        self._running()
        return KnownHost(MINE, 0)

    def stats(self) -> Mapping[str, int | float]:
        """What it holds, and what this node did."""
        keys, peers = self._running().size()
        return {
            "stored_keys": keys,
            "stored_peers": peers,
            "stored_items": len(self._running().items),
            "announcements": self._announced,
            "lookups": self._looked_up,
        }

    def _concrete(self, endpoint: KnownHost) -> KnownHost:
        """What an endpoint that stands for this node or process is stored as."""
        if not endpoint.port and endpoint.is_any:
            return self._place
        if not endpoint.port:
            raise UnsupportedOperation(
                f"nobody could connect to port 0 of {endpoint.host}",
                hint="announce the port that the program there listens on",
            )
        return replace(endpoint, host=MINE) if endpoint.is_any else endpoint

    def _running(self) -> Space:
        if self._space is None:
            raise NotRunning("this node of the local network is not running")
        return self._space


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *arguments: bytes | None) -> None:
    """Call it on that loop, which may be another thread's."""
    with suppress(RuntimeError):  # it is closed: nobody answers there, or nobody waits for the answer
        loop.call_soon_threadsafe(callback, *arguments)
