"""The backend `lan-dnssd`: DNS-SD (RFC 6763) over multicast DNS (RFC 6762), by the library zeroconf.

An announcement is an instance of the service `_bitboot._udp` with a random name, and the swarm's key in its
TXT record: nothing tells what the swarm is called, or whose it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence

from bitboot_core import (
    AnnounceFailed,
    Announces,
    Backend,
    BackendConfig,
    BackendError,
    Capabilities,
    KnownHost,
    ListenFailed,
    NotRunning,
    Receipt,
    Scope,
    UnsupportedOperation,
)
from bitboot_core.aio.threads import in_thread

from .interfaces import Address, Interfaces, choose, look
from .responder import Responder

PORT = 5353
"""Of multicast DNS (RFC 6762, section 3)."""

PATIENCE = 1.5
"""Seconds that a lookup waits: what was multicast within the last second is not sent again (section 6)."""

MAX_LIFETIME = 1_800.0


class DnssdBackend(Backend):
    """A responder and browser of DNS-SD. Made by the plugin's `BackendSpec`.

    `patience` and `look`, which lists this machine's addresses, are for tests.
    """

    def __init__(
        self,
        config: BackendConfig,
        patience: float = PATIENCE,
        look: Callable[[], Sequence[Address]] = look,
    ) -> None:
        self._config, self._patience, self._look = config, patience, look
        self._responder: Responder | None = None
        self._closing: asyncio.Task[None] | None = None
        self._moved: Callable[[], None] = lambda: None

    @property
    def capabilities(self) -> Capabilities:
        """Only this machine's own addresses are announced: whoever resolves a name believes what it says."""
        listen = self._config.listen
        family = None if listen is None or not listen.host else listen.family
        return Capabilities(
            can_withdraw=True,
            announces=Announces.OWN_ADDRESS,
            scope=Scope.LAN,
            families=frozenset({4, 6}) if family is None else frozenset({family}),
            max_lifetime=MAX_LIFETIME,
        )

    @property
    def _running(self) -> Responder:
        if self._responder is None:
            raise NotRunning("this node is not running", hint="start() it first, and not after aclose()")
        return self._responder

    async def start(self) -> None:
        """Join the group on every interface, or on that of `config.listen`. Raises ListenFailed."""
        if self._responder is not None:
            return
        listen = self._config.listen
        if listen is not None and listen.port not in (0, PORT):
            raise ListenFailed(
                f"multicast DNS has port {PORT}, not {listen.port}", hint="listen on port 0 here"
            )
        self._closing = None
        only = None if listen is None or listen.is_any else listen.host
        try:

            async def found() -> Interfaces:
                return choose(await in_thread(self._look, "bitboot-interfaces"), only)

            interfaces = await found()
            if only is not None and not interfaces.addresses:
                raise ListenFailed(
                    f"{only} is not an address of this machine with neighbours",
                    hint="use one that is, or leave the host out for all of them",
                )
            self._responder = Responder(interfaces, found, self._tell_moved)
            await self._responder.open()
        except OSError as error:
            await self.aclose()
            raise ListenFailed(
                f"cannot take part in multicast DNS: {error.strerror or error}",
                hint="another program may have its port, 5353, for itself",
            ) from error

    async def aclose(self) -> None:
        """Say goodbye, and close the sockets. It goes on to its end where the caller is cancelled."""
        responder, self._responder = self._responder, None
        if responder is not None:
            self._closing = asyncio.get_running_loop().create_task(responder.aclose())
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        """Announce a port of this machine. Raises AnnounceFailed where there is no network."""
        responder = self._running
        addresses = self._addresses(endpoint)
        granted = min(lifetime, MAX_LIFETIME)
        try:
            await responder.register(key, endpoint, addresses, granted)
        except (OSError, BackendError) as error:
            raise AnnounceFailed(f"multicast DNS does not announce it: {error}") from error
        _ = self._running  # it may have been closed meanwhile
        return Receipt(stored_on=1, lifetime=granted)

    def _addresses(self, endpoint: KnownHost) -> list[Address]:
        if not endpoint.port:
            raise UnsupportedOperation(
                "there is no port of this node to announce",
                hint="announce the port that your program listens on",
            )
        family = None if not endpoint.host else endpoint.family
        if family is not None and family not in self.capabilities.families:
            raise UnsupportedOperation(
                f"this node listens on {self.address.host}, so that it cannot announce {endpoint.host}",
                hint="leave the host out",
            )
        ours = self._running.interfaces
        addresses = ours.standing_for(endpoint.host)
        if not addresses and not endpoint.is_any:
            raise UnsupportedOperation(
                f"{endpoint.host} is not an address of this machine on the local network",
                hint="leave the host out",
            )
        if not addresses:
            raise AnnounceFailed(
                "no interface has an address with neighbours", hint="connect this machine to a network"
            )
        return addresses

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        """Say goodbye."""
        await self._running.unregister(key, endpoint)

    async def lookup(self, key: bytes) -> AsyncGenerator[KnownHost, None]:
        """Yield who is known, and whoever is heard in time. Raises BackendError without a network."""
        responder = self._running
        if not responder.interfaces.addresses:
            raise BackendError(
                "no interface has an address with neighbours", hint="connect this machine to a network"
            )
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        told: set[KnownHost] = set()
        with responder.listening() as heard:
            while True:
                heard.clear()
                for peer in responder.peers_of(key):
                    if peer not in told:
                        told.add(peer)
                        yield peer
                try:
                    async with asyncio.timeout_at(until):
                        await heard.wait()
                except TimeoutError:
                    break
                _ = self._running

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        """Whoever is on the local network is in touch already, whatever the contacts."""
        _ = self._running
        return len(contacts)

    def contacts(self) -> list[KnownHost]:
        """There are none: everybody hears everybody."""
        _ = self._running
        return []

    @property
    def address(self) -> KnownHost:
        """Where it listens: on multicast DNS's port."""
        _ = self._running
        listen = self._config.listen
        return KnownHost("0.0.0.0" if listen is None or listen.is_any else listen.host, PORT)

    @property
    def seen_at(self) -> Collection[str]:
        """Our addresses on the local network."""
        return [address.host for address in self._running.interfaces.addresses]

    def on_moved(self, handler: Callable[[], None]) -> None:
        """Have `handler` called when interfaces come and go."""
        self._moved = handler

    def _tell_moved(self) -> None:
        self._moved()

    def stats(self) -> Mapping[str, int | float]:
        """What is announced, and who is known."""
        return self._running.stats()
