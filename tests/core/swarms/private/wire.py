"""A network in memory whose nodes carry requests, on a clock that tests move: with NATs, losses, junk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from bitboot_core import (
    Announces,
    Backend,
    BackendTimeout,
    Capabilities,
    KnownHost,
    Receipt,
    Scope,
)
from bitboot_core.aio.clock import Clock, Timer, sleep_until
from bitboot_core.testing import ManualClock

Handler = Callable[[KnownHost, bytes], bytes | None]

MAPPED = 30.0
"""Seconds that a NAT lets in who was sent something."""


class Apart:
    """A clock that runs as another does, and shows another time."""

    def __init__(self, clock: ManualClock, ahead: float) -> None:
        self._clock, self.ahead = clock, ahead

    def now(self) -> float:
        return self._clock.now()

    def unix_time(self) -> float:
        return 1_800_010_000.0 + self._clock.now() + self.ahead

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        return self._clock.call_at(when, callback)


class Wire:
    """What the nodes share. `traffic`: each request, with what was answered. `delay`: seconds of one way."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.store: dict[bytes, dict[KnownHost, float]] = {}
        self.nodes: dict[KnownHost, Node] = {}
        self.traffic: list[tuple[KnownHost, KnownHost, bytes, bytes | None]] = []
        self.junk: list[KnownHost] = []
        self.delay = 0.0
        self.lost: Callable[[KnownHost, KnownHost, bytes], bool] = lambda source, to, payload: False

    def node(self, *, nat: bool = False, max_request: int = 1000) -> Node:
        """One more node."""
        return Node(self, KnownHost(f"10.0.0.{len(self.nodes) + 1}", 4000), nat=nat, max_request=max_request)


class Node(Backend):
    """One node. `nat`: it hears only whom it has sent something to."""

    def __init__(self, wire: Wire, own: KnownHost, *, nat: bool, max_request: int) -> None:
        self.wire, self.own, self.nat = wire, own, nat
        self.sent: dict[KnownHost, float] = {}
        self.handler: Handler | None = None
        self.requests = 0
        self._capabilities = Capabilities(
            can_withdraw=True,
            announces=Announces.ANY_ADDRESS,
            scope=Scope.PUBLIC,
            own_port=True,
            max_request=max_request,
        )
        wire.nodes[own] = self

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    async def start(self) -> None:
        pass

    async def aclose(self) -> None:
        self.wire.nodes.pop(self.own, None)

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        peer = self.own if endpoint.is_any and not endpoint.port else endpoint
        self.wire.store.setdefault(key, {})[peer] = self.wire.clock.now() + lifetime
        return Receipt(1, lifetime)

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        peer = self.own if endpoint.is_any and not endpoint.port else endpoint
        self.wire.store.get(key, {}).pop(peer, None)

    async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        for junk in self.wire.junk:
            yield junk
        for peer, until in list(self.wire.store.get(key, {}).items()):
            if until > self.wire.clock.now():
                yield peer

    async def request(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        until = self.wire.clock.now() + timeout
        self.sent[endpoint] = self.wire.clock.now()
        self.requests += 1
        await self._take_time()
        now = self.wire.clock.now()
        answer = None
        other = self.wire.nodes.get(endpoint)
        if (
            other is not None
            and other._hears(self.own, now)
            and not self.wire.lost(self.own, endpoint, payload)
        ):
            answer = None if other.handler is None else other.handler(self.own, payload)
            self.wire.traffic.append((self.own, endpoint, payload, answer))
        if answer is None:
            await sleep_until(self.wire.clock, until)
            raise BackendTimeout("nobody answered")
        await self._take_time()
        return answer

    async def _take_time(self) -> None:
        if self.wire.delay:
            await sleep_until(self.wire.clock, self.wire.clock.now() + self.wire.delay)

    def on_request(self, handler: Handler | None) -> None:
        self.handler = handler

    def _hears(self, source: KnownHost, now: float) -> bool:
        return not self.nat or now - self.sent.get(source, -MAPPED) < MAPPED

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        return len(contacts)

    def contacts(self) -> list[KnownHost]:
        return []

    @property
    def address(self) -> KnownHost:
        return self.own

    def stats(self) -> Mapping[str, int | float]:
        return {}
