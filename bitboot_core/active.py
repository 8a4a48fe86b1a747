"""A network in use: one running backend, kept in touch with the network and at arm's length.

Whatever a backend does, what comes out of here is an answer in time or a BitBootError.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from . import timing
from .backend import Backend, BackendConfig, BackendSpec, Capabilities
from .clock import Clock, deadline
from .errors import (
    AnnounceFailed,
    BackendError,
    BackendTimeout,
    BackendUnavailable,
    BitBootError,
    BootstrapFailed,
    HostNotFound,
    NotRunning,
    UnsupportedOperation,
)
from .model import KnownHost, Receipt
from .networks import NetworkDefinition
from .tasks import Signal, Tasks, TimeUp

T = TypeVar("T")

ATTEMPT_TIMEOUT = 30.0
"""Seconds after which a bootstrap that does not end is given up and begun again."""

CHECK_EVERY = 60.0
"""Seconds between looks at whether the backend still knows any node."""

log = logging.getLogger("bitboot_core")


@dataclass(frozen=True, slots=True)
class NetworkState:
    """How a network in use is doing.

    `listen`: where its backend listens. `contacts`: how many nodes it knows that answered lately.
    `ready`: whether it is in touch with the network (or has nobody to get in touch with, as the
    first node). `bootstrap`: where it starts from. `error`: what last went wrong in getting in touch.
    """

    network: str
    backend: str
    ready: bool
    listen: KnownHost | None
    contacts: int
    bootstrap: tuple[KnownHost, ...]
    error: BitBootError | None


class ActiveNetwork:
    """One network, and the backend that serves it here."""

    def __init__(
        self,
        definition: NetworkDefinition,
        backend_name: str,
        spec: BackendSpec,
        config: BackendConfig,
        *,
        bootstrap: Sequence[KnownHost],
        clock: Clock,
        random: Random,
    ) -> None:
        self.definition = definition
        self.name = definition.name
        self.backend_name = backend_name
        self.clock = clock
        self.tasks = Tasks(clock)
        self._spec, self._config, self._random = spec, config, random
        self._bootstrap = list(bootstrap)
        self._backend: Backend | None = None
        self._capabilities: Capabilities | None = None
        self._reached = False
        self._error: BitBootError | None = None  # why we are not in touch
        self._fatal: BitBootError | None = NotRunning(f"the network {self.name} has not been started")
        self._progress = Signal()  # after every attempt to get in touch, and at the end
        self._contacts_changed = asyncio.Event()

    # Its life

    async def start(self, timeout: float) -> None:
        """Make the backend, let it listen, and begin to bootstrap, which goes on by itself.

        Raises a BackendError where it cannot start. That error is then what every call raises.
        """
        try:
            self._backend = self._make()
            await self._call("start", self._backend.start, self.clock.now() + timeout)
            self._learn_capabilities()
        except BaseException as error:
            if isinstance(error, BitBootError):
                self._fatal = error
            await self.aclose(timeout)
            raise
        self._fatal = None
        self.tasks.start(self._keep_in_touch())

    async def aclose(self, timeout: float) -> None:
        """Stop everything within `timeout` seconds. What a backend does wrong here is only logged."""
        if self._fatal is None:
            self._fatal = NotRunning(f"the network {self.name} has been closed")
        self._progress.notify()
        backend, self._backend = self._backend, None
        await self.tasks.cancel()
        if backend is not None:
            try:
                await self._call("close", backend.aclose, self.clock.now() + timeout)
            except BackendError as error:
                log.warning("%s", error)
        if self.tasks:
            log.warning("%d tasks of the backend %s do not end", len(self.tasks), self.backend_name)

    # Being in touch

    async def ready(self, timeout: float) -> None:
        """Wait until a node of the network has answered. At once where there is nobody to ask.

        Raises BootstrapFailed after `timeout` seconds, HostNotFound as soon as it is known.
        """
        try:
            async with deadline(self.clock, self.clock.now() + timeout):
                await self.in_touch()
        except TimeoutError:
            raise self.late(timeout) from None

    async def in_touch(self) -> None:
        """`ready`, but wait for ever."""
        while True:
            if self._fatal is not None:
                raise self._fatal.with_traceback(None)
            if self.is_ready:
                return
            if isinstance(self._error, HostNotFound):
                raise self._error.with_traceback(None)
            await self._progress.wait()

    @property
    def is_ready(self) -> bool:
        """Whether it is running, and in touch or with nobody to get in touch with."""
        return self._fatal is None and (self._reached or not self._bootstrap)

    def late(self, timeout: float) -> BitBootError:
        """The error for a call that was not done after `timeout` seconds, with what held it up."""
        if self._fatal is not None:
            return self._fatal.with_traceback(None)
        if self.is_ready:
            return BackendTimeout(
                f"{self.backend_name} had not finished after {timeout:g} s", hint="allow more time with timeout="
            )
        if self._error is not None:
            return self._error.with_traceback(None)
        return BootstrapFailed(
            f"no bootstrap contact of {self.name} answered within {timeout:g} s: {_listed(self._bootstrap)}",
            hint="check that this machine is online, or give other contacts with bootstrap=",
        )

    def add_bootstrap(self, contact: KnownHost) -> None:
        """Start from this contact too, now and in future."""
        if contact not in self._bootstrap:
            self._bootstrap.append(contact)
            self._error = None
            self._contacts_changed.set()

    def remove_bootstrap(self, contact: KnownHost) -> bool:
        """Do not start from this contact any more. False where it was none."""
        if contact not in self._bootstrap:
            return False
        self._bootstrap.remove(contact)
        self._progress.notify()  # with none left there is nobody to wait for
        return True

    async def _keep_in_touch(self) -> None:
        """Bootstrap until it succeeds, and again whenever no known node is left."""
        failures = 0
        changed = True
        while True:
            error = None
            if self._bootstrap and (changed or not self.contacts()):
                error = await self._attempt(tuple(self._bootstrap))
                # A node that cannot reach its contacts can still be found by others.
                self._reached = error is None or bool(self.contacts())
            else:
                self._reached = bool(self.contacts())
            self._error = None if self._reached else error
            self._progress.notify()
            failures = failures + 1 if self._error else 0
            pause = timing.bootstrap_after(failures, self._random) if failures else CHECK_EVERY
            changed = await self._contacts_change(before=self.clock.now() + pause)

    async def _contacts_change(self, *, before: float) -> bool:
        try:
            async with deadline(self.clock, before):
                await self._contacts_changed.wait()
        except TimeoutError:
            return False
        self._contacts_changed.clear()
        return True

    async def _attempt(self, contacts: Sequence[KnownHost]) -> BitBootError | None:
        backend = self._running()
        try:
            answered = await self._call(
                "bootstrap", lambda: backend.bootstrap(contacts), self.clock.now() + ATTEMPT_TIMEOUT
            )
        except BitBootError as error:
            return error
        if isinstance(answered, int) and answered > 0:
            return None
        return BootstrapFailed(
            f"no bootstrap contact of {self.name} answered: {_listed(contacts)}",
            hint="check that this machine is online, or give other contacts with bootstrap=",
        )

    # What it is there for

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float, timeout: float) -> Receipt:
        """Announce once, after waiting for contact. Raises a BitBootError within `timeout` seconds."""
        until = self.clock.now() + timeout
        family = endpoint.family
        if family is not None and not endpoint.is_any and family not in self.capabilities.families:
            raise UnsupportedOperation(f"{self.name} cannot carry IPv{family} addresses such as {endpoint.host}")
        await self.ready(timeout)
        backend = self._running()
        asked = min(lifetime, self.capabilities.max_lifetime)
        receipt = await self._call("announce", lambda: backend.announce(key, endpoint, lifetime=asked), until)
        return self._checked(receipt, asked)

    async def withdraw(self, key: bytes, endpoint: KnownHost, *, timeout: float) -> None:
        """Take an announcement back, where the network can do that."""
        backend = self._running()
        if self.capabilities.can_withdraw:
            await self._call("withdraw", lambda: backend.withdraw(key, endpoint), self.clock.now() + timeout)

    def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        """The backend's own stream of peers, as untrusted as the backend."""
        return self._running().lookup(key)

    @property
    def capabilities(self) -> Capabilities:
        """What the backend can do. Raises NotRunning before it is started."""
        if self._capabilities is None:
            raise self._fatal or NotRunning(f"the network {self.name} is not running")
        return self._capabilities

    def contacts(self) -> list[KnownHost]:
        """The nodes that the backend knows."""
        return list(self._ask(lambda backend: backend.contacts(), []))

    def stats(self) -> Mapping[str, int | float]:
        """The backend's counters."""
        return dict(self._ask(lambda backend: backend.stats(), {}))

    def state(self) -> NetworkState:
        """How it is doing."""
        return NetworkState(
            network=self.name,
            backend=self.backend_name,
            ready=self.is_ready,
            listen=self._ask(lambda backend: backend.address, None),
            contacts=len(self.contacts()),
            bootstrap=tuple(self._bootstrap),
            error=self._fatal or self._error,
        )

    # At arm's length

    def wrapped(self, error: Exception, doing: str) -> BitBootError:
        """`error` as a BitBootError: itself, or a BackendError that names the backend."""
        if isinstance(error, BitBootError):
            return error
        wrapper = BackendError(
            f"{self.backend_name} failed to {doing}: {type(error).__name__}: {error}",
            hint=f"this is a mistake in the backend {self.backend_name}: report it to its authors",
        )
        wrapper.__cause__ = error
        return wrapper

    def _make(self) -> Backend:
        try:
            backend = self._spec.factory(self._config)
        except BitBootError:
            raise
        except ImportError as error:
            raise BackendUnavailable(f"{self.backend_name} lacks a library: {error}") from error
        except Exception as error:  # noqa: BLE001 - the backend's own, whatever it is; reported
            raise self.wrapped(error, "start") from error
        if not isinstance(backend, Backend):
            raise BackendError(f"{self.backend_name} made {backend!r}, which is not a Backend")
        return backend

    def _learn_capabilities(self) -> None:
        found: object = self._ask(lambda backend: backend.capabilities, None)
        if not isinstance(found, Capabilities):
            raise BackendError(f"{self.backend_name} does not say what it can do: capabilities is {found!r}")
        self._capabilities = found

    def _running(self) -> Backend:
        if self._backend is None:
            raise self._fatal or NotRunning(f"the network {self.name} is not running")
        return self._backend

    async def _call(self, doing: str, method: Callable[[], Awaitable[T]], until: float) -> T:
        async def call() -> T:
            return await method()

        began = self.clock.now()
        try:
            return await self.tasks.run(call(), until)
        except TimeUp:
            raise BackendTimeout(
                f"{self.backend_name} did not {doing} within {until - began:.3g} s", hint="allow more time with timeout="
            ) from None
        except BitBootError:
            raise
        except Exception as error:  # noqa: BLE001 - the backend's own, whatever it is; reported
            raise self.wrapped(error, doing) from error

    def _ask(self, question: Callable[[Backend], T], otherwise: T) -> T:
        if self._backend is None:
            return otherwise
        try:
            return question(self._backend)
        except Exception as error:  # noqa: BLE001 - what is only for people to look at must not stop anything
            log.debug("%s cannot say: %r", self.backend_name, error)
            return otherwise

    def _checked(self, receipt: Receipt, asked: float) -> Receipt:
        stored = getattr(receipt, "stored_on", None)
        lifetime = getattr(receipt, "lifetime", None)
        sane = isinstance(stored, int) and isinstance(lifetime, (int, float)) and math.isfinite(lifetime)
        if not sane or stored < 1 or lifetime <= 0:
            raise AnnounceFailed(f"no node of {self.name} stored the announcement ({self.backend_name} says {receipt!r})")
        return Receipt(stored, min(float(lifetime), asked))


def _listed(contacts: Sequence[KnownHost]) -> str:
    shown = ", ".join(map(str, contacts[:8]))
    return f"{shown} and {len(contacts) - 8} more" if len(contacts) > 8 else shown
