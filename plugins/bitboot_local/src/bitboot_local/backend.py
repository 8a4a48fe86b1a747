"""The backend `local`: a DHT without the D, the H and the T."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace

from bitboot_core import (
    Announces,
    Backend,
    BackendConfig,
    Capabilities,
    KnownHost,
    NotRunning,
    Receipt,
    Scope,
    UnsupportedOperation,
)

from .space import Space, enter, leave

MINE = "127.0.0.1"
"""What an announcement without a host means: whoever finds it is in this process."""

CAPABILITIES = Capabilities(
    can_withdraw=True,
    announces=Announces.ANY_ADDRESS,
    scope=Scope.PROCESS,
    max_lifetime=86_400.0,
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

    @property
    def capabilities(self) -> Capabilities:
        """Any address can be announced and withdrawn; it is found within this process."""
        return CAPABILITIES

    async def start(self) -> None:
        """Join the network."""
        if self._space is None:
            self._space = enter(self._config.network)

    async def aclose(self) -> None:
        """Leave the network. What was announced stays with the nodes that are left, for its time."""
        space, self._space = self._space, None
        if space is not None:
            leave(self._config.network, space)

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        """Store `endpoint`. Raises AnnounceFailed where the network is full."""
        granted = min(lifetime, CAPABILITIES.max_lifetime)
        self._running().store(key, _concrete(endpoint), granted, self._now())
        self._announced += 1
        return Receipt(stored_on=1, lifetime=granted)

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        """Forget `endpoint`."""
        self._running().drop(key, _concrete(endpoint))

    async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        """Yield the endpoints under `key`, oldest first."""
        self._looked_up += 1
        for endpoint in self._running().peers(key, self._now()):
            yield endpoint

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
            "announcements": self._announced,
            "lookups": self._looked_up,
        }

    def _running(self) -> Space:
        if self._space is None:
            raise NotRunning("this node of the local network is not running")
        return self._space


def _concrete(endpoint: KnownHost) -> KnownHost:
    if not endpoint.port:
        raise UnsupportedOperation(
            "a node in memory has no port of its own", hint="announce the port that your program listens on"
        )
    return replace(endpoint, host=MINE) if endpoint.is_any else endpoint
