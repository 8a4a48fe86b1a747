"""A backend that keeps the contract, as simple as can be: what the broken ones are made of."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import ClassVar

from bitboot_core import (
    Announces,
    Backend,
    BackendTimeout,
    Capabilities,
    Item,
    ItemOutdated,
    KnownHost,
    NotRunning,
    Receipt,
    RequestHandler,
    RequestRefused,
    Scope,
    SwarmSize,
    UnsupportedOperation,
    UsageError,
)
from bitboot_core.items import immutable_target, mutable_target
from bitboot_core.testing.contract import BackendContract, World

HOST = "127.0.0.1"
BOOTSTRAP = [KnownHost(HOST, 6881)]


@dataclass
class Hub:
    """What all nodes of a world share: peers by key, each with its end and the node that announced it."""

    now: float = 0.0
    peers: dict[bytes, dict[KnownHost, tuple[float, Model]]] = field(default_factory=dict)
    started: list[Model] = field(default_factory=list)
    raw: dict[bytes, list[bytes]] = field(default_factory=dict)
    silent: bool = False
    items: dict[bytes, Item] = field(default_factory=dict)
    values: dict[bytes, bytes] = field(default_factory=dict)


class Model(Backend):
    """Does everything. Its socket listens and does not care."""

    can: ClassVar = Capabilities(
        can_withdraw=True,
        announces=Announces.ANY_ADDRESS,
        scope=Scope.PROCESS,
        own_port=True,
        max_request=100,
        sizes=True,
        items=True,
        early_lookups=True,
    )
    protocol: ClassVar[Callable[[], asyncio.DatagramProtocol]] = asyncio.DatagramProtocol

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.transport: asyncio.DatagramTransport | None = None
        self.handler: RequestHandler | None = None

    @property
    def capabilities(self) -> Capabilities:
        return self.can

    def running(self) -> asyncio.DatagramTransport:
        if self.transport is None:
            raise NotRunning("not running")
        return self.transport

    async def start(self) -> None:
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        opening = asyncio.ensure_future(
            loop.create_datagram_endpoint(type(self).protocol, local_addr=(HOST, 0))
        )
        try:
            self.transport, _ = await asyncio.shield(opening)
        except asyncio.CancelledError:
            (await opening)[0].close()
            raise
        self.hub.started.append(self)

    async def aclose(self) -> None:
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.close()
        await asyncio.sleep(0)

    def stored(self, endpoint: KnownHost) -> KnownHost:
        """How an endpoint is stored. Raises UnsupportedOperation where it is not."""
        if not endpoint.port:
            if not self.can.own_port:
                raise UnsupportedOperation("port 0")
            endpoint = replace(endpoint, port=self.address.port)
        if endpoint.is_any:
            if endpoint.family not in (None, *self.can.families):
                raise UnsupportedOperation(f"no {endpoint.host}")
            return replace(endpoint, host=HOST)
        if endpoint.family not in self.can.families:
            raise UnsupportedOperation(f"not an address of {self.can.families}")
        if self.can.announces is Announces.OWN_ADDRESS and endpoint.host != HOST:
            raise UnsupportedOperation("not ours")
        return endpoint

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        self.running()
        stored = self.stored(endpoint)
        granted = min(lifetime, self.can.max_lifetime)
        await asyncio.sleep(0)
        self.answered()
        self.store(key, stored, self.hub.now + granted)
        return Receipt(1, granted)

    def answered(self) -> None:
        """Raise BackendTimeout where nobody does."""
        if self.hub.silent:
            raise BackendTimeout("nobody answered")

    def store(self, key: bytes, endpoint: KnownHost, end: float) -> None:
        self.hub.peers.setdefault(key, {})[endpoint] = end, self

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        if not self.can.can_withdraw:
            return await super().withdraw(key, endpoint)
        self.running()
        await asyncio.sleep(0)
        self.hub.peers.get(key, {}).pop(self.stored(endpoint), None)
        return None

    def visible(self, key: bytes) -> list[KnownHost]:
        """The peers under a key."""
        peers = [peer for peer, (end, _) in self.hub.peers.get(key, {}).items() if end > self.hub.now]
        return peers + [peer for text in self.hub.raw.get(key, ()) if (peer := self.read(text))]

    def read(self, stored: bytes) -> KnownHost | None:
        """A peer as a stranger stored it, None where it is none."""
        try:
            return KnownHost.parse(stored.decode("ascii"))
        except (ValueError, UsageError):
            return None

    async def lookup(self, key: bytes) -> AsyncGenerator[KnownHost, None]:
        self.running()
        await asyncio.sleep(0)
        self.answered()
        for peer in self.visible(key):
            yield peer
            await asyncio.sleep(0)
            self.running()

    async def lookup_through(
        self, key: bytes, contacts: Sequence[KnownHost]
    ) -> AsyncGenerator[KnownHost, None]:
        self.running()
        if not self.can.early_lookups:
            raise UnsupportedOperation("not in touch")
        for peer in self.visible(key):
            yield peer

    async def request(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        self.running()
        if len(payload) > self.can.max_request or not self.can.max_request:
            raise UnsupportedOperation("too long")
        end = self.hub.now + timeout
        await asyncio.sleep(0)
        for node in self.hub.started:
            if node.transport is not None and node.address == endpoint:
                self.running()
                answer = node.answer(self.address, payload)
                if answer is None:
                    raise RequestRefused("no answer")
                return answer
        return await self.silence(end)

    def answer(self, sender: KnownHost, payload: bytes) -> bytes | None:
        """What this node answers, None for nothing."""
        if self.handler is None:
            return None
        try:
            answer = self.handler(sender, payload)
        except Exception:
            logging.getLogger(__name__).exception("a handler failed")
            return None
        return None if answer is None or len(answer) > len(payload) else answer

    async def silence(self, end: float) -> bytes:
        """Nobody answers until then."""
        while self.hub.now < end:
            await asyncio.sleep(0.001)
            self.running()
        raise BackendTimeout("nobody answered")

    def on_request(self, handler: RequestHandler | None) -> None:
        if not self.can.max_request:
            return super().on_request(handler)
        self.running()
        self.handler = handler
        return None

    async def size(self, key: bytes) -> SwarmSize:
        if not self.can.sizes:
            return await super().size(key)
        self.running()
        await asyncio.sleep(0)
        self.answered()
        return SwarmSize(seeds=0, peers=len(self.visible(key)))

    async def publish(self, item: Item, *, cas: int | None = None) -> Receipt:
        if not self.can.items:
            return await super().publish(item, cas=cas)
        self.running()
        await asyncio.sleep(0)
        self.answered()
        there = self.hub.items.get(item.target)
        if there is not None and there.version != item.version and not self.replaces(item, there, cas):
            raise ItemOutdated(f"version {there.seq} is there", seq=there.seq, encoded=there.encoded)
        self.hub.items[item.target] = item
        return Receipt(1, 7200.0)

    def replaces(self, item: Item, there: Item, cas: int | None) -> bool:
        return item.seq > there.seq and cas in (None, there.seq)

    async def resolve(self, public_key: bytes, salt: bytes) -> Item | None:
        if not self.can.items:
            return await super().resolve(public_key, salt)
        self.running()
        await asyncio.sleep(0)
        self.answered()
        return self.hub.items.get(mutable_target(public_key, salt))

    async def put_item(self, encoded: bytes) -> Receipt:
        if not self.can.items:
            return await super().put_item(encoded)
        self.running()
        await asyncio.sleep(0)
        self.answered()
        self.hub.values[immutable_target(encoded)] = encoded
        return Receipt(1, 7200.0)

    async def get_item(self, target: bytes) -> bytes | None:
        if not self.can.items:
            return await super().get_item(target)
        self.running()
        await asyncio.sleep(0)
        self.answered()
        return self.hub.values.get(target)

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        self.running()
        await asyncio.sleep(0)
        return len(contacts)

    def contacts(self) -> list[KnownHost]:
        self.running()
        return []

    @property
    def address(self) -> KnownHost:
        return KnownHost(*self.running().get_extra_info("sockname"))

    def stats(self) -> Mapping[str, int | float]:
        self.running()
        return {"keys": len(self.hub.peers)}


class ModestModel(Model):
    """Can do as little as may be."""

    can = Capabilities(
        can_withdraw=False,
        announces=Announces.OWN_ADDRESS,
        scope=Scope.LAN,
        families=frozenset({4}),
        max_lifetime=100.0,
        key_bytes=32,
        own_port=True,
    )


class WithoutRequests(Model):
    """Does everything but that."""

    can = replace(Model.can, own_port=False, max_request=0)


def contract_of(model: Callable[[Hub], Backend]) -> type[BackendContract]:
    """The contract, for nodes of one class."""

    class Contract(BackendContract):
        entry_point = "model"
        grace = 0.5

        @asynccontextmanager
        async def world(self) -> AsyncIterator[World]:
            hub = Hub()

            async def advance(seconds: float) -> None:
                hub.now += seconds

            async def fall_silent() -> None:
                hub.silent = True

            async def store_raw(key: bytes, data: bytes) -> None:
                hub.raw.setdefault(key, []).append(data)

            yield World(
                make=lambda: model(hub),
                contacts=BOOTSTRAP,
                advance=advance,
                fall_silent=fall_silent,
                store_raw=store_raw,
            )

    return Contract
