"""The adapter between the core's backend contract and a node that runs in trio."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from bitboot_core import (
    Announces,
    Backend,
    BackendConfig,
    BootstrapFailed,
    Capabilities,
    KnownHost,
    NotRunning,
    Receipt,
    Scope,
    UnsupportedOperation,
)
from bitboot_core.aio.clock import SystemClock
from bitboot_core.aio.resolve import bootstrap_failure, resolve
from bitboot_core.aio.udp import outward_address

from .addresses import pack
from .cids import multihash
from .library import require
from .providers import MAX_ADDRESSES, MAX_LIFETIME, MAX_PROVIDERS
from .trio_thread import TrioThread

if TYPE_CHECKING:
    from .node import Node

_numbers = itertools.count(1)

CAPABILITIES = Capabilities(
    can_withdraw=True,
    announces=Announces.ANY_ADDRESS,
    scope=Scope.PUBLIC,
    max_lifetime=MAX_LIFETIME,
    crowd=MAX_PROVIDERS * 3 // 4,
    transport="tcp",
)


class Libp2pBackend(Backend):
    """A libp2p host in a DHT of its own users. `now`, in seconds, is for tests.

    Raises BackendUnavailable where the library is missing or too old.
    """

    def __init__(self, config: BackendConfig, now: Callable[[], float] | None = None) -> None:
        require()
        self._config = config
        self._now = now or SystemClock().now
        self._thread: TrioThread[Node] | None = None
        self._node: Node | None = None
        self._announced: dict[bytes, dict[KnownHost, float]] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Any address can be announced, and withdrawn by whoever announced it."""
        return CAPABILITIES

    @property
    def node(self) -> Node:
        """The node, for those who want to look closer (it lives in another thread). Raises NotRunning."""
        if self._node is None:
            raise NotRunning("this node is not running", hint="start() it first, and not after aclose()")
        return self._node

    async def start(self) -> None:
        """Start the thread and listen. Raises ListenFailed."""
        if self._node is not None:
            return
        listen = self._config.listen or KnownHost("0.0.0.0", 0)
        if listen.host == "":
            listen = KnownHost("0.0.0.0", listen.port)

        def enter() -> AbstractAsyncContextManager[Node]:
            from .opening import open_node  # noqa: PLC0415 - it takes a second, and runs in the thread

            config = self._config
            return open_node(listen, config.state_dir, config.network, self._now, serves=not config.read_only)

        await self.aclose()
        self._thread = TrioThread(f"bitboot-libp2p-{next(_numbers)}")
        try:
            self._node = await self._thread.start(enter)
        except Exception:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Stop the host and the thread; whoever still waits gets NotRunning."""
        self._node = None
        if self._thread is not None:
            await self._thread.aclose()
            self._thread = None

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        """Have the nodes closest to `key` keep `endpoint`. Raises AnnounceFailed, UnsupportedOperation.

        A node that knows no other keeps it itself, until others come and ask.
        """
        node, thread = self._running()
        endpoint = self._concrete(endpoint)
        lifetime = min(lifetime, MAX_LIFETIME)
        ours = self._ours(key)
        if endpoint not in ours and len(ours) >= MAX_ADDRESSES:
            raise UnsupportedOperation(
                f"this host has announced {MAX_ADDRESSES} endpoints in this swarm already"
            )
        ours = self._announced[key] = {**ours, endpoint: self._now() + lifetime}
        wanted = self._lifetimes(ours)
        stored = await thread.call(lambda: node.provide(multihash(key), wanted))
        return Receipt(stored_on=stored, lifetime=lifetime)

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        """Take back what this host announced; of anything else nothing happens.

        Raises AnnounceFailed where no node confirms: it then expires by itself.
        """
        node, thread = self._running()
        ours = self._ours(key)
        if ours.pop(self._concrete(endpoint), None) is None:
            return
        if ours:
            self._announced[key] = ours
        else:
            self._announced.pop(key, None)
        wanted = self._lifetimes(ours)
        await thread.call(lambda: node.provide(multihash(key), wanted))

    async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        """Yield each endpoint once, as the nodes' answers come in. Raises BackendTimeout."""
        node, thread = self._running()
        found: AsyncIterator[KnownHost] = thread.stream(lambda send: node.find(multihash(key), send))
        async with aclosing(found) as peers:  # type: ignore[type-var]
            async for peer in peers:
                yield peer

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        """Join through `contacts`; how many of them answered. Raises BootstrapFailed, HostNotFound.

        A contact without a peer id is asked for it first.
        """
        node, thread = self._running()
        if not contacts:
            return 0
        resolved = await asyncio.gather(*(resolve(one) for one in contacts), return_exceptions=True)
        addresses = [one for result in resolved if isinstance(result, list) for one in result]
        errors = [one for one in resolved if isinstance(one, BootstrapFailed)]
        if not addresses and errors:
            raise bootstrap_failure(contacts, errors)
        answered = await thread.call(lambda: node.reach(addresses))
        if not answered:
            shown = ", ".join(map(str, contacts[:8]))
            raise BootstrapFailed(
                f"none of these contacts answered: {shown}",
                hint="check that they run, and that the peer ids at the end of their multiaddrs are right",
            )
        return answered

    def contacts(self) -> list[KnownHost]:
        """Nodes that answered, the latest first, with their peer ids."""
        from .peer_ids import name_of  # noqa: PLC0415 - it is there once a node runs

        return [
            KnownHost(address.host, address.port, name_of(peer))
            for peer, address in list(self.node.table.latest())
        ]

    @property
    def address(self) -> KnownHost:
        """Where it listens, with its peer id: what others may bootstrap from."""
        return self.node.address

    def stats(self) -> Mapping[str, int | float]:
        """Requests, queries answered, timeouts, contacts, and what is stored."""
        node = self.node
        return {
            **{name: node.counters[name] for name in ("requests", "queries", "timeouts", "displaced")},
            "contacts": len(node.table),
            "stored_peers": len(node.providers),
            "stored_keys": node.providers.keys,
        }

    def _running(self) -> tuple[Node, TrioThread[Node]]:
        node = self.node
        assert self._thread is not None
        return node, self._thread

    def _ours(self, key: bytes) -> dict[KnownHost, float]:
        """What we have announced under `key` that has not ended."""
        now = self._now()
        for one in [one for one, ends in self._announced.items() if max(ends.values()) <= now]:
            del self._announced[one]
        return {host: ends for host, ends in self._announced.get(key, {}).items() if ends > now}

    def _lifetimes(self, ours: Mapping[KnownHost, float]) -> dict[bytes, float]:
        now = self._now()
        return {pack(host): ends - now for host, ends in ours.items()}

    def _concrete(self, endpoint: KnownHost) -> KnownHost:
        """With the address that others reach this host at, where none is given."""
        if not endpoint.port:
            raise UnsupportedOperation("port 0 cannot be announced", hint="give the port of your program")
        if not endpoint.is_any:
            return replace(endpoint, peer_id=None)
        own = self.node.address
        family = own.family or 4
        outward = outward_address(family) or ("127.0.0.1" if family == 4 else "::1")
        return KnownHost(outward if own.is_any else own.host, endpoint.port)
