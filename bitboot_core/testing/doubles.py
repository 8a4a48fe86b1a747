"""Backends and plugins that do as they are told: slow, lying, hanging, failing ones among them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from bitboot_core.aio.clock import Clock, sleep_until
from bitboot_core.backend import Announces, Backend, BackendSpec, Capabilities, RequestHandler, Scope
from bitboot_core.hookspecs import hookimpl
from bitboot_core.model import KnownHost
from bitboot_core.port_mapper import PortGrant, PortMapper, PortMapperSpec, PortRequest
from bitboot_core.reports import Receipt
from bitboot_core.swarm_size import SwarmSize

from ._fake_items import FakeItems
from ._fake_lookups import FakeLookups

Act = Callable[[], Coroutine[Any, Any, Any]]
"""What a fake does when a method is called, and what it answers."""


def answers(value: object) -> Act:
    """Answer `value`, sensible or not."""

    async def act() -> object:
        return value

    return act


def fails(error: BaseException) -> Act:
    """Raise `error`."""

    async def act() -> None:
        raise error

    return act


def waits(clock: Clock, seconds: float, then: Act | None = None) -> Act:
    """Take this many seconds of `clock`, then do as `then` says."""

    async def act() -> object:
        await sleep_until(clock, clock.now() + seconds)
        return await then() if then is not None else None

    return act


def hangs() -> Act:
    """Never end by itself; a cancellation ends it."""

    async def act() -> None:
        await asyncio.Event().wait()

    return act


def hangs_until(released: asyncio.Event) -> Act:
    """Not end before `released` is set, whatever cancellation comes."""

    async def act() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    return act


class FakeBackend(FakeLookups, FakeItems, Backend):
    """A backend whose methods do what `acts` says, by method name; the others succeed.

    `peers`: what a lookup yields before its act. `known`: what `contacts()` gives. `calls`: the
    names of the methods called, in order, with their arguments. `open_streams`: how many lookups
    have begun and have not been closed.
    """

    def __init__(
        self,
        *,
        peers: Sequence[Any] = (),
        known: Sequence[KnownHost] = (),
        capabilities: Capabilities | None = None,
        **acts: Act,
    ) -> None:
        super().__init__()
        self.peers: list[Any] = list(peers)
        self.known: list[KnownHost] = list(known)
        self.acts: dict[str, Act] = dict(acts)
        self.calls: list[tuple[Any, ...]] = []
        self.open_streams: int = 0
        self.handler: RequestHandler | None = None
        """Who answers requests, as set by `on_request`."""
        self._capabilities = capabilities or Capabilities(
            can_withdraw=True, announces=Announces.ANY_ADDRESS, scope=Scope.PROCESS, items=True
        )

    def count(self, method: str) -> int:
        """How often a method was called."""
        return sum(call[0] == method for call in self.calls)

    @property
    def capabilities(self) -> Capabilities:
        """As given."""
        return self._capabilities

    async def start(self) -> None:
        """Do what `acts["start"]` says."""
        await self._act("start")

    async def aclose(self) -> None:
        """Do what `acts["aclose"]` says."""
        await self._act("aclose")

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        """Do what `acts["announce"]` says; otherwise one node stores it for as long as asked."""
        done: Receipt | None = await self._act("announce", key, endpoint, lifetime)
        return Receipt(1, lifetime) if "announce" not in self.acts else done  # type: ignore[return-value]

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        """Do what `acts["withdraw"]` says."""
        await self._act("withdraw", key, endpoint)

    async def request(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        """Do what `acts["request"]` says; otherwise the payload comes back."""
        answer: bytes = await self._act("request", endpoint, payload, timeout)
        return answer if "request" in self.acts else payload

    def on_request(self, handler: RequestHandler | None) -> None:
        """`handler` is kept, for tests to call."""
        self.calls.append(("on_request", handler))
        self.handler = handler

    async def size(self, key: bytes) -> SwarmSize:
        """Do what `acts["size"]` says; otherwise `peers` are all there are."""
        done: SwarmSize | None = await self._act("size", key)
        return SwarmSize(seeds=0, peers=len(self.peers)) if "size" not in self.acts else done  # type: ignore[return-value]

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        """Do what `acts["bootstrap"]` says; otherwise all contacts answer."""
        answered: int = await self._act("bootstrap", tuple(contacts))
        return answered if "bootstrap" in self.acts else len(contacts)

    def contacts(self) -> list[KnownHost]:
        """As given."""
        return list(self.known)

    @property
    def address(self) -> KnownHost:
        """A fixed one."""
        return KnownHost("127.0.0.1", 40000)

    def stats(self) -> Mapping[str, int | float]:
        """How many calls there were."""
        return {"calls": len(self.calls)}

    async def _act(self, method: str, *arguments: object) -> Any:
        self.calls.append((method, *arguments))
        act = self.acts.get(method)
        return await act() if act is not None else None


def spec_of(backend: Backend, name: str = "fake", protocols: Sequence[str] = ("fake",)) -> BackendSpec:
    """A BackendSpec whose factory gives `backend`."""
    return BackendSpec(name, protocols, lambda config: backend)


class FakePortMapper(PortMapper):
    """A port mapper whose methods do what `acts` says, by method name; the others succeed.

    `outside`: the router's outside address. `lifetime`: what it grants at most. `open`: what is open on
    the router, by transport and outside port. `calls`: the names of the methods called, in order, with
    their arguments.
    """

    def __init__(self, outside: str = "81.2.69.160", *, lifetime: float = 7200.0, **acts: Act) -> None:
        self.outside: str = outside
        self.lifetime: float = lifetime
        self.acts: dict[str, Act] = dict(acts)
        self.open: dict[tuple[str, int], PortRequest] = {}
        self.calls: list[tuple[Any, ...]] = []

    def count(self, method: str) -> int:
        """How often a method was called."""
        return sum(call[0] == method for call in self.calls)

    async def probe(self, family: int) -> KnownHost:
        """Do what `acts["probe"]` says; otherwise the router answers."""
        done: KnownHost | None = await self._act("probe", family)
        return KnownHost(self.outside, 0) if "probe" not in self.acts else done  # type: ignore[return-value]

    async def map(self, request: PortRequest) -> PortGrant:
        """Do what `acts["map"]` says; otherwise the port that is asked for is opened."""
        done: PortGrant | None = await self._act("map", request)
        if "map" in self.acts:
            return done  # type: ignore[return-value]
        self.open[request.transport, request.outside_port] = request
        outside = KnownHost(self.outside, request.outside_port)
        return PortGrant(outside, min(self.lifetime, request.lifetime))

    async def unmap(self, request: PortRequest, outside_port: int) -> None:
        """Do what `acts["unmap"]` says, and close the port."""
        await self._act("unmap", request, outside_port)
        self.open.pop((request.transport, outside_port), None)

    async def check(self, request: PortRequest, grant: PortGrant) -> bool:
        """Do what `acts["check"]` says; otherwise it stands where it is open, at the same outside address."""
        done: bool | None = await self._act("check", request, grant)
        if "check" in self.acts:
            return done  # type: ignore[return-value]
        stands = (request.transport, grant.outside.port) in self.open
        return stands and grant.outside.host == self.outside

    async def aclose(self) -> None:
        """Do what `acts["aclose"]` says."""
        await self._act("aclose")

    async def _act(self, method: str, *arguments: object) -> Any:
        self.calls.append((method, *arguments))
        act = self.acts.get(method)
        return await act() if act is not None else None


def mapper_spec_of(
    mapper: PortMapper, name: str = "fake", *, rank: int = 100, families: Sequence[int] = (4,)
) -> PortMapperSpec:
    """A PortMapperSpec whose factory gives `mapper`."""
    return PortMapperSpec(name, lambda: mapper, rank=rank, families=families)


@dataclass(frozen=True)
class FakeDistribution:
    """As much of an installed distribution as a registry looks at."""

    name: str
    version: str = "1.0"

    def read_text(self, filename: str) -> str | None:
        """Its metadata, which states its name and version."""
        return f"Name: {self.name}\nVersion: {self.version}\n" if filename == "METADATA" else None


@dataclass(frozen=True)
class FakeEntryPoint:
    """An entry point for `Registry(entry_points=...)`.

    `module`: the plugin, or the error that its import raises.
    """

    name: str
    module: object
    dist: FakeDistribution = field(default=FakeDistribution("fake-plugin"))
    value: str = "fake_plugin"

    def load(self) -> object:
        """Import the plugin, so to speak."""
        if isinstance(self.module, BaseException):
            raise self.module
        return self.module


def plugin_module(
    *,
    backends: Callable[[], Iterable[Any]] | None = None,
    networks: Callable[[], Iterable[Any]] | None = None,
    port_mappers: Callable[[], Iterable[Any]] | None = None,
    commands: Callable[[], Iterable[Any]] | None = None,
    api: object = 1,
) -> ModuleType:
    """A plugin's module with these hooks, each a function that has not been decorated yet."""
    module = ModuleType("fake_plugin")
    if api is not None:
        module.BITBOOT_API = api  # type: ignore[attr-defined]
    hooks = {
        "bitboot_backends": backends,
        "bitboot_networks": networks,
        "bitboot_port_mappers": port_mappers,
        "bitboot_commands": commands,
    }
    for name, hook in hooks.items():
        if hook is not None:
            setattr(module, name, hookimpl(hook))
    return module
