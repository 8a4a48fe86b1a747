"""The adapter between the core's backend contract and the group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from dataclasses import replace

from bitboot_core import (
    AnnounceFailed,
    Announces,
    Backend,
    BackendConfig,
    Capabilities,
    KnownHost,
    ListenFailed,
    NotRunning,
    Receipt,
    RequestHandler,
    Scope,
    UnsupportedOperation,
)
from bitboot_core.aio.clock import SystemClock
from bitboot_core.aio.requests import check_request
from bitboot_core.aio.resolve import resolve

from .driver import Driver
from .exchange import MAX_PAYLOAD
from .group import error_of
from .settings import Settings
from .system import System


class LanBackend(Backend):
    """A member of the local network's group. Made by the plugin's `BackendSpec`.

    `settings`, `now`, which gives the time in seconds, and `system` are for tests and tools.
    """

    def __init__(
        self,
        config: BackendConfig,
        settings: Settings | None = None,
        now: Callable[[], float] | None = None,
        system: System | None = None,
    ) -> None:
        self._config = config
        self._settings = settings or Settings()
        self._now = now or SystemClock().now
        self._system = system or System()
        self._driver: Driver | None = None
        self._moved: Callable[[], None] = lambda: None

    @property
    def capabilities(self) -> Capabilities:
        """A peer is where its datagram comes from (BEP 14), so only our own addresses can be announced."""
        listen = self._config.listen
        family = None if listen is None or not listen.host else listen.family
        return Capabilities(
            can_withdraw=True,
            announces=Announces.OWN_ADDRESS,
            scope=Scope.LAN,
            families=frozenset({4, 6}) if family is None else frozenset({family}),
            max_lifetime=self._settings.max_lifetime,
            own_port=True,
            max_request=MAX_PAYLOAD,
        )

    @property
    def _running(self) -> Driver:
        if self._driver is None:
            raise NotRunning("this node is not running", hint="start() it first, and not after aclose()")
        return self._driver

    def _check_running(self) -> None:
        """Raise NotRunning where it is not."""
        _ = self._running

    async def start(self) -> None:
        """Join the group on every interface, or on that of `config.listen`. Raises ListenFailed.

        Its port is always that of the group: `config.listen` may have it, or port 0.
        """
        if self._driver is not None:
            return
        listen = self._config.listen
        if listen is not None and listen.port not in (0, self._settings.port):
            raise ListenFailed(
                f"the local network's group has port {self._settings.port}, not {listen.port}",
                hint="listen on port 0; of several networks the first gets the port: name another first",
            )
        if listen is not None and listen.host and listen.family is None:
            listen = (await resolve(listen))[0]
        driver = Driver(self._settings, listen, self._now, self._system)
        driver.on_moved = self._tell_moved
        self._driver = driver
        try:
            await driver.open()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """Say goodbye, and close the sockets; whoever still waits gets NotRunning."""
        driver = self._driver
        if driver is not None:
            await driver.aclose()
            self._driver = None

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float) -> Receipt:
        """Announce a port of this machine, at the addresses that the endpoint's host stands for.

        Port 0 is that of this node's own socket for requests, which is not that of the group.
        Whoever looks hears of it from now on. Raises AnnounceFailed where nothing can be sent.
        """
        driver = self._running
        self._check(endpoint)
        endpoint = replace(endpoint, port=endpoint.port or await driver.requesting.open())
        granted = min(lifetime, self._settings.max_lifetime)
        if not driver.engine.announce(key, endpoint, granted, self._now()):
            raise error_of(driver.group, endpoint, AnnounceFailed)
        driver.wake()
        return Receipt(stored_on=1, lifetime=granted)

    def _check(self, endpoint: KnownHost) -> None:
        """Raise UnsupportedOperation for what cannot be announced here."""
        family = None if not endpoint.host else endpoint.family
        if family is not None and family not in self.capabilities.families:
            raise UnsupportedOperation(
                f"this node listens on {self.address.host}, so that it cannot announce {endpoint.host}",
                hint="leave the host out",
            )
        ours = self._running.group.interfaces
        if not (endpoint.is_any or ours.standing_for(endpoint.host)):
            raise UnsupportedOperation(
                f"{endpoint.host} is not an address of this machine on the local network",
                hint="leave the host out: others see where it comes from (BEP 14)",
            )

    async def withdraw(self, key: bytes, endpoint: KnownHost) -> None:
        """Say goodbye. Whoever does not hear it forgets the peer after two announcement periods."""
        driver = self._running
        endpoint = replace(endpoint, port=endpoint.port or await driver.requesting.open())
        driver.engine.withdraw(key, endpoint)
        driver.wake()
        await asyncio.sleep(0)  # it is said in the next turn, together with others

    async def lookup(self, key: bytes) -> AsyncGenerator[KnownHost, None]:
        """Yield who is known, and whoever answers; ends after `Settings.patience`.

        What this program announces itself is among them, as on other networks. Raises BackendError where
        nothing can be sent, and BackendTimeout where nothing can be heard.
        """
        driver = self._running
        changed = asyncio.Event()
        search = driver.engine.look(key, self._now(), changed.set)
        driver.wake()
        own = self._own(key)
        try:
            for peer in own:
                yield peer
            while True:
                for peer in search.take():
                    yield peer
                if search.is_over:
                    break
                changed.clear()
                await changed.wait()
        finally:
            driver.engine.searches.remove(search)
        if search.error is not None:
            raise search.error
        for peer in self._own(key):
            if peer not in own:  # it was announced meanwhile
                yield peer

    def _own(self, key: bytes) -> list[KnownHost]:
        """What this program announces under a key."""
        driver = self._running
        return [
            address.endpoint(endpoint.port)
            for endpoint in driver.engine.announced.endpoints(key, self._now())
            for address in driver.group.interfaces.standing_for(endpoint.host)
        ]

    async def request(self, endpoint: KnownHost, payload: bytes, *, timeout: float) -> bytes:
        """Ask the handler of the program at `endpoint`. One without an answer is silent: BackendTimeout."""
        driver = self._running
        families = self.capabilities.families
        check_request(endpoint, payload, max_request=MAX_PAYLOAD, families=families)
        return await driver.requesting.ask(endpoint, payload, timeout)

    def on_request(self, handler: RequestHandler | None) -> None:
        """Have `handler` answer what programs on the local network request."""
        self._running.requesting.exchange.answering.use(handler)

    async def bootstrap(self, contacts: Sequence[KnownHost]) -> int:
        """Whoever is on the local network is in touch already, whatever the contacts."""
        self._check_running()
        return len(contacts)

    def contacts(self) -> list[KnownHost]:
        """There are none: everybody hears everybody."""
        self._check_running()
        return []

    @property
    def address(self) -> KnownHost:
        """Where it listens: on the group's port, on every interface unless it was told otherwise."""
        self._check_running()
        listen = self._config.listen
        host = "0.0.0.0" if listen is None or listen.is_any else listen.host
        return KnownHost(host, self._settings.port)

    @property
    def seen_at(self) -> Collection[str]:
        """Our addresses on the local network."""
        return [address.host for address in self._running.group.interfaces.addresses]

    def on_moved(self, handler: Callable[[], None]) -> None:
        """Have `handler` called when interfaces come and go."""
        self._moved = handler

    def _tell_moved(self) -> None:
        self._moved()

    def stats(self) -> Mapping[str, int | float]:
        """Datagrams, and who is known.

        `foreign`: from addresses on no network of ours. `limited`: from a machine that sent too many.
        `suppressed`: answers that were too many. `unsent`: what the system would not send. `own`: our own
        messages, heard again.
        """
        driver = self._running
        engine, group = driver.engine, driver.group
        return {
            **{name: group.counters[name] for name in ("sent", "unsent", "refused", "sent_bytes")},
            **{
                name: engine.counters[name]
                for name in (
                    *("received", "own", "foreign", "malformed", "limited", "answers", "suppressed"),
                    "received_bytes",
                )
            },
            "announced": len(engine.announced),
            "addresses": len(group.interfaces.addresses),
            "stored_keys": engine.peers.keys,
            "stored_peers": len(engine.peers),
        }
