"""The backend `folder`: what Bitboot asks of a network, done with files."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bitboot_core import (
    AnnounceFailed,
    Announces,
    Backend,
    BackendConfig,
    BackendUnavailable,
    Capabilities,
    KnownHost,
    NotRunning,
    Receipt,
    Scope,
    UnsupportedOperation,
)

from .store import MAX_LIFETIME, Store

VARIABLE = "BITBOOT_FOLDER"
"""The environment variable that names the folder."""

MAX_BATCH = 64
"""Files read in one go. The first is read alone, so that the first peer comes soon."""

PASSES = 3
"""How often a lookup lists the files, where some of those it listed are renewed meanwhile."""

CAPABILITIES = Capabilities(
    can_withdraw=True,
    announces=Announces.ANY_ADDRESS,
    scope=Scope.LAN,
    max_lifetime=MAX_LIFETIME,
)


class FolderBackend(Backend):
    """A program that reads and writes the shared folder."""

    def __init__(self, config: BackendConfig, now: Callable[[], float] = time.time) -> None:
        """`now`: the time in seconds since 1970."""
        self._config = config
        self._now = now
        self._store: Store | None = None
        self._mine = "127.0.0.1"
        self._counts = {"announcements": 0, "lookups": 0, "peers_read": 0}

    @property
    def capabilities(self) -> Capabilities:
        """Any address can be announced and withdrawn; it is found wherever the folder can be read."""
        return CAPABILITIES

    async def start(self) -> None:
        """Open the folder. Raises BackendUnavailable where none is named, or it cannot be written to."""
        if self._store is not None:
            return
        store = Store(folder_of(self._config))
        try:
            await asyncio.to_thread(store.open, self._now())
        except OSError as error:
            raise BackendUnavailable(
                f"the folder {store.root} cannot be used: {error.strerror}",
                hint="it must be a folder that this program may write to",
            ) from error
        self._mine = own_host(self._config.listen)
        self._store = store

    async def aclose(self) -> None:
        """Stop. What was announced stays for its time, unless it is withdrawn before."""
        self._store = None

    def _running(self) -> Store:
        if self._store is None:
            raise NotRunning("this node of the network in a folder is not running")
        return self._store

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        """Write a file. Raises AnnounceFailed where that fails."""
        store, now = self._running(), self._now()
        granted = min(lifetime, CAPABILITIES.max_lifetime)
        try:
            await asyncio.to_thread(store.add, key, self._concrete(endpoint), now + granted, now)
        except OSError as error:
            raise AnnounceFailed(f"the folder {store.root} cannot be written to: {error.strerror}") from error
        self._counts["announcements"] += 1
        return Receipt(stored_on=1, lifetime=granted)

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        """Delete the file."""
        await asyncio.to_thread(self._running().remove, key, self._concrete(endpoint))

    def _concrete(self, endpoint: KnownHost) -> KnownHost:
        if not endpoint.port:
            raise UnsupportedOperation(
                "a folder has no port of its own", hint="announce the port that your program listens on"
            )
        return replace(endpoint, host=self._mine) if endpoint.is_any else endpoint

    async def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        """Read the files, a batch at a time."""
        self._running()
        self._counts["lookups"] += 1
        read: set[str] = set()
        for _ in range(PASSES):
            names = await asyncio.to_thread(self._running().names, key, self._now())
            unread = [name for name in names if name not in read]
            read.update(unread)
            some_went, size = False, 1
            while unread:
                batch, unread = unread[:size], unread[size:]
                size = min(4 * size, MAX_BATCH)
                peers, gone = await asyncio.to_thread(self._running().read, key, batch)
                some_went = some_went or gone
                self._counts["peers_read"] += len(peers)
                for peer in peers:
                    yield peer
            if not some_went:
                return

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        """Whoever sees the folder is in touch already, whatever the contacts."""
        self._running()
        return len(contacts)

    def contacts(self) -> list[KnownHost]:
        """There are none: the folder is where everybody meets."""
        self._running()
        return []

    @property
    def address(self) -> KnownHost:
        """This machine; there is no port, since it listens on no socket."""
        self._running()
        return KnownHost(self._mine, 0)

    def stats(self) -> Mapping[str, int | float]:
        """What this node did."""
        self._running()
        return dict(self._counts)


def folder_of(config: BackendConfig) -> Path:
    """Where to meet: what BITBOOT_FOLDER names, else a folder in the program's `state_dir`."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    if config.state_dir is not None:
        return config.state_dir / config.network
    raise BackendUnavailable(
        f"the network {config.network} has no folder",
        hint=f"set {VARIABLE} to one that all peers can reach, or give state_dir=",
    )


def own_host(listen: KnownHost | None) -> str:
    """The address that others reach this machine at: the one it was told to listen on, else its LAN's."""
    if listen is not None and not listen.is_any:
        return listen.host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: the system only chooses a route
        except OSError:
            return "127.0.0.1"  # no network: whoever finds us is on this machine
        host: str = probe.getsockname()[0]
        return host
