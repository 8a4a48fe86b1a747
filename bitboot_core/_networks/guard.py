"""A backend at arm's length: whatever it does, what comes back is an answer in time or a BitBootError."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ..aio.clock import Clock, TimeUp
from ..aio.logs import logger
from ..aio.tasks import Tasks
from ..backend import Backend, BackendConfig, BackendSpec, Capabilities
from ..errors import (
    AnnounceFailed,
    BackendError,
    BackendTimeout,
    BackendUnavailable,
    BitBootError,
    InvalidConfig,
    NotRunning,
    UnsupportedOperation,
)
from ..model import KnownHost
from ..reports import Place, Receipt
from . import checked

T = TypeVar("T")

log = logger(__name__)


class GuardedBackend:
    """Makes a backend from its spec, and stands between it and the core.

    Errors that are not BitBootErrors become BackendErrors with the cause chained; calls that do not
    end become BackendTimeouts; answers that make no sense are errors too.
    """

    def __init__(self, name: str, spec: BackendSpec, config: BackendConfig, clock: Clock) -> None:
        self.name: str = name
        self.tasks: Tasks = Tasks(clock)
        self._spec, self._config, self._clock = spec, config, clock
        self._backend: Backend | None = None
        self._capabilities: Capabilities | None = None
        self._fault: BackendError | None = None
        self._told: set[str] = set()  # the names of answers whose nonsense has been logged
        self._closing: asyncio.Task[None] | None = None

    # Its life

    async def start(self, timeout: float) -> None:
        """Make the backend and start it. Raises a BitBootError, mostly ListenFailed or BackendUnavailable."""
        self._backend = backend = self._make()
        await self.call("start", backend.start, self._clock.now() + timeout)
        try:
            self._capabilities = checked.capabilities(backend.capabilities)
        except Exception as error:
            raise BackendError(
                f"{self.name} does not say what it can do: {error}", hint=self._report_it()
            ) from error
        log.info("%s: %s listens on %s", self._config.network, self.name, self.address)

    async def aclose(self, timeout: float) -> None:
        """Stop within `timeout` seconds. What the backend does wrong here is only logged.

        It goes on to its end where the caller is cancelled; called again it waits for that.
        """
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close(timeout))
        await asyncio.shield(self._closing)

    async def _close(self, timeout: float) -> None:
        backend, self._backend = self._backend, None
        await self.tasks.cancel()
        if backend is not None:
            try:
                await self.call("close", backend.aclose, self._clock.now() + timeout)
            except BitBootError as error:
                log.warning("%s", error)
            else:
                log.info("%s: %s is closed", self._config.network, self.name)
        if self.tasks:
            log.warning("the backend %s leaves %d tasks that do not end", self.name, len(self.tasks))

    # The backend's methods

    async def bootstrap(self, contacts: Sequence[KnownHost], *, until: float) -> int:
        """How many contacts answered."""
        backend, network = self._running(), self._config.network
        log.info("%s: getting in touch through %s", network, ", ".join(map(str, contacts)))
        try:
            answered = await self.call("bootstrap", lambda: backend.bootstrap(contacts), until)
        except BitBootError as error:
            log.info("%s: not in touch: %s", network, error)
            raise
        if not isinstance(answered, int) or isinstance(answered, bool) or answered < 0:
            raise self.nonsense("bootstrap", answered)
        log.info("%s: %d of %d contacts answered", network, answered, len(contacts))
        return answered

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float, until: float) -> Receipt:
        """Announce once; the lifetime granted is at most the one asked for."""
        backend = self._running()
        asked = min(lifetime, self.capabilities.max_lifetime)
        log.debug("%s: announcing %s under %s", self._config.network, endpoint, key.hex())
        receipt = await self.call("announce", lambda: backend.announce(key, endpoint, lifetime=asked), until)
        if not checked.is_receipt(receipt):
            raise self.nonsense("announce", receipt)
        if receipt.stored_on < 1 or receipt.lifetime <= 0:
            raise AnnounceFailed(
                f"no node stored the announcement: {self.name} says {receipt}",
                hint="it is tried again while the announcement is open",
            )
        granted = min(receipt.lifetime, asked)
        log.info(
            "%s: %s under %s stored on %d nodes for %.0f s",
            self._config.network,
            endpoint,
            key.hex(),
            receipt.stored_on,
            granted,
        )
        return replace(receipt, lifetime=granted)

    async def withdraw(self, key: bytes, endpoint: KnownHost, *, until: float) -> None:
        """Take an announcement back, where the backend can."""
        backend = self._running()
        if self.capabilities.can_withdraw:
            await self.call("withdraw", lambda: backend.withdraw(key, endpoint), until)
            log.info("%s: %s under %s withdrawn", self._config.network, endpoint, key.hex())

    def lookup(self, key: bytes, through: Sequence[KnownHost] = ()) -> AsyncIterator[KnownHost]:
        """The backend's own stream of peers, unguarded: a Lookup checks each. `through`: begin at these."""
        log.info("%s: looking up %s", self._config.network, key.hex())
        return self._running().lookup_through(key, through) if through else self._running().lookup(key)

    @property
    def capabilities(self) -> Capabilities:
        """What it can do. Raises NotRunning before it is started."""
        if self._capabilities is None:
            raise NotRunning(f"the backend {self.name} has not been started")
        return self._capabilities

    def contacts(self) -> list[KnownHost]:
        """The nodes that it knows."""
        return self.ask("contacts", lambda backend: checked.contacts(backend.contacts()), [])

    def round_trips(self) -> Mapping[KnownHost, float]:
        """Seconds that its contacts took to answer, of those of which it knows."""
        return self.ask("routing_table", lambda backend: checked.round_trips(backend.routing_table()), {})

    def stats(self) -> Mapping[str, int | float]:
        """Its counters."""
        return self.ask("stats", lambda backend: checked.stats(backend.stats()), {})

    @property
    def address(self) -> KnownHost | None:
        """Where it listens, as far as known."""
        return self.ask("address", lambda backend: checked.address(backend.address), None)

    @property
    def seen_at(self) -> frozenset[str]:
        """The addresses that others see it at, as far as it knows."""
        return self.ask("seen_at", lambda backend: checked.seen_at(backend.seen_at), frozenset())

    @property
    def places(self) -> Mapping[int, Place]:
        """By IP version, whether others can reach it, and where they see it."""
        return self.ask("places", lambda backend: checked.places(backend.places), {})

    @property
    def whereabouts(self) -> frozenset[str]:
        """Where it listens and what others see it at: whatever tells that it has moved."""
        address = self.address
        return self.seen_at | ({str(address)} if address is not None else frozenset())

    def on_moved(self, handler: Callable[[], None]) -> None:
        """Have the backend call `handler` when where it is has changed, if it can tell."""
        self.ask("on_moved", lambda backend: backend.on_moved(handler), None)

    def mapped_at(self, outside: Mapping[int, KnownHost]) -> None:
        """Tell it where the router lets others in to its port."""
        self.ask("mapped_at", lambda backend: backend.mapped_at(outside), None)

    @property
    def fault(self) -> BackendError | None:
        """What the backend last said that makes no sense, None where it has not."""
        return self._fault

    @property
    def backend(self) -> Backend:
        """The backend itself, unguarded. Raises NotRunning."""
        return self._running()

    # The guard

    def wrapped(self, error: BaseException, doing: str) -> BitBootError:
        """`error` as a BitBootError: itself where a backend may raise it, else a BackendError that names it.

        A UsageError says that the caller made a mistake. Of a backend it is believed where its network
        cannot do what was asked; any other comes from its own use of Bitboot, and is its failure.
        """
        if isinstance(error, (BackendError, UnsupportedOperation, NotRunning)):
            return error
        if isinstance(error, InvalidConfig) and doing == "start":
            return error
        if isinstance(error, BitBootError):
            wrapper = BackendError(f"{self.name} failed to {doing}: {error}", hint=error.hint)
        else:
            wrapper = BackendError(
                f"{self.name} failed to {doing}: {type(error).__name__}: {error}", hint=self._report_it()
            )
        wrapper.__cause__ = error
        return wrapper

    def nonsense(self, doing: str, answer: object) -> BackendError:
        """The error for an answer that is none."""
        what = f"{self.name} failed to {doing}: it answered {answer!r:.200}"
        return BackendError(what, hint=self._report_it())

    def _report_it(self) -> str:
        return f"this is a mistake in the backend {self.name}: report it to its authors"

    def _make(self) -> Backend:
        try:
            backend = self._spec.factory(self._config)
        except ImportError as error:
            raise BackendUnavailable(
                f"{self.name} lacks a library: {error}", hint=f"reinstall what brings the backend {self.name}"
            ) from error
        except Exception as error:
            wrapped = self.wrapped(error, "start")
            if wrapped is error:
                raise
            raise wrapped from error
        if not isinstance(backend, Backend):
            raise self.nonsense("start", backend)
        return backend

    def _running(self) -> Backend:
        if self._backend is None:
            raise NotRunning(f"the backend {self.name} is not running")
        return self._backend

    async def call(self, doing: str, method: Callable[[], Awaitable[T]], until: float) -> T:
        """What one of the backend's methods returns, or a BitBootError, no later than `until`."""

        async def call() -> T:
            return await method()

        began = self._clock.now()
        try:
            return await self.tasks.run(call(), until)
        except TimeUp:
            raise BackendTimeout(
                f"{self.name} did not {doing} within {max(0.0, until - began):.3g} s",
                hint="allow more time with timeout=",
            ) from None
        except Exception as error:
            wrapped = self.wrapped(error, doing)
            if wrapped is error:
                raise
            raise wrapped from error

    def ask(self, name: str, question: Callable[[Backend], T], otherwise: T) -> T:
        """The backend's answer, or `otherwise` where it does not run or gives none that makes sense.

        What is only for people to look at stops nothing: it is logged, once with its traceback.
        """
        if self._backend is None:
            return otherwise
        try:
            return question(self._backend)
        except NotRunning:  # as the contract says: it has not been started yet
            return otherwise
        except Exception as error:
            if name not in self._told:
                self._told.add(name)
                log.error("%s: the backend's %s makes no sense", self.name, name, exc_info=error)
            self._fault = BackendError(
                f"the {name} of the backend {self.name} makes no sense: {type(error).__name__}: {error}",
                hint=self._report_it(),
            )
            return otherwise


def check_endpoint(endpoint: KnownHost, network: str, capabilities: Capabilities) -> None:
    """Raise UnsupportedOperation where a network cannot carry the endpoint's address or port."""
    family = endpoint.family
    if family is not None and not endpoint.is_any and family not in capabilities.families:
        raise UnsupportedOperation(
            f"{network} cannot carry IPv{family} addresses such as {endpoint.host}",
            hint="announce an address of the other family, or leave the host out",
        )
    if not endpoint.port and not capabilities.own_port:
        raise UnsupportedOperation(
            f"{network} cannot announce port 0, which stands for the node's own port",
            hint="announce the port that your program listens on",
        )
