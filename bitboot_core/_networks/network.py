"""A network in use: its backend, and the endeavour to stay in touch with the network."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from ..aio import timing
from ..aio.clock import Clock, TimeUp, deadline
from ..aio.logs import logger
from ..aio.tasks import Signal, Tasks
from ..aio.threads import in_thread
from ..backend import Backend, BackendConfig, BackendSpec
from ..errors import BackendError, BackendTimeout, BitBootError, BootstrapFailed, HostNotFound, NotRunning
from ..model import KnownHost, Receipt
from ..networks import NetworkDefinition
from .guard import GuardedBackend, check_family
from .kept_contacts import ContactFile

__all__ = ["NetworkState"]

ATTEMPT_TIMEOUT = 30.0
"""Seconds after which a bootstrap that does not end is given up and begun again."""

CHECK_EVERY = 60.0
"""Seconds between looks at whether the backend still knows any node, and where we are."""

SAVE_EVERY = 600.0
"""Seconds between two times that the contacts are kept on disk."""

READ_TIMEOUT = 1.0
"""Seconds that reading the kept contacts may take: a disk that hangs holds up nobody."""

MAX_TRIED = 100
"""How many contacts of former times are tried beside the network's own. Where nine in ten of them are gone,
as after a long time offline, some are still found."""

CLEAN_UP = 1.0
"""Seconds that a backend gets to clean up after it failed to start."""

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class NetworkState:
    """How a network in use is doing.

    `network` and `backend`: their names. `listen`: where its backend listens. `contacts`: how many
    nodes it knows that answered lately. `ready`: whether it is in touch with the network (or has
    nobody to get in touch with, as the first node). `bootstrap`: where it starts from. `error`: what
    last went wrong in getting in touch.
    `tried`: how many contacts the present or last attempt to get in touch asked. `attempts`: how many
    there were.
    """

    network: str
    backend: str
    ready: bool
    listen: KnownHost | None
    contacts: int
    bootstrap: tuple[KnownHost, ...]
    error: BitBootError | None
    tried: int = 0
    attempts: int = 0


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
        file: ContactFile | None = None,
    ) -> None:
        """`file`: where its contacts are kept for the next start, None to keep none."""
        self.name = definition.name
        self.backend_name = backend_name
        self._backend = GuardedBackend(backend_name, spec, config, clock)
        self._clock, self._random = clock, random
        self._bootstrap = list(bootstrap)
        self._reached = False
        self._tried = self._attempts = 0
        self._unreached: BitBootError | None = None  # why we are not in touch
        self._unusable: BitBootError | None = NotRunning(f"the network {self.name} has not been started")
        self._progress = Signal()  # after every attempt to get in touch, and at the end
        self._contacts_changed = asyncio.Event()
        self._file = file
        self._kept: list[KnownHost] = []  # contacts that were good once
        self._saved = -math.inf
        self._whereabouts: frozenset[str] = frozenset()
        self._is_down = False  # the last that was heard of it was a failure
        self._in_doubt = False  # an announcement failed, and nobody has asked since what is the matter
        self.moves = 0
        """How often this node's address has changed."""
        self.outages_over = 0
        """How often the network has come back after it could not be reached."""
        self.size = 0
        """How many of the network's nodes we knew when we last looked."""
        self.news = Signal()
        """Wakes who waits for one of these to change."""

    # Its life

    async def start(self, timeout: float) -> None:
        """Start the backend, and begin to bootstrap, which goes on by itself.

        Raises a BitBootError where it cannot start. That error is then what every call raises.
        """
        try:
            await self._backend.start(timeout)
        except BaseException as error:
            if isinstance(error, BitBootError):
                self._unusable = error
            await self.aclose(CLEAN_UP)
            raise
        self._unusable = None
        await self._read_contacts()
        self.tasks.start(self._keep_in_touch())

    async def aclose(self, timeout: float) -> None:
        """Stop everything within `timeout` seconds."""
        if self._unusable is None:
            self._unusable = NotRunning(f"the network {self.name} has been closed")
        self._progress.notify()
        good = self._backend.contacts()
        await asyncio.gather(self._backend.aclose(timeout), self._write_contacts(good, timeout))

    @property
    def tasks(self) -> Tasks:
        """The tasks that end with this network."""
        return self._backend.tasks

    # Being in touch

    async def ready(self, timeout: float) -> None:
        """Wait until a node of the network has answered. At once where there is nobody to ask.

        Raises BootstrapFailed after `timeout` seconds, HostNotFound as soon as it is known.
        """
        try:
            async with deadline(self._clock, self._clock.now() + timeout):
                await self.in_touch()
        except TimeUp:
            raise self.late(timeout) from None

    async def in_touch(self) -> None:
        """`ready`, but wait for ever."""
        while not self.is_ready:
            if self._unusable is not None:
                raise self._unusable.with_traceback(None)
            if isinstance(self._unreached, HostNotFound):
                raise self._unreached.with_traceback(None)
            await self._progress.wait()

    @property
    def is_ready(self) -> bool:
        """Whether it is running, and in touch or with nobody to get in touch with."""
        return self._unusable is None and (self._reached or not self._bootstrap)

    def late(self, timeout: float) -> BitBootError:
        """The error for a call that was not done after `timeout` seconds: what held it up."""
        if self.is_ready:
            return BackendTimeout(
                f"{self.backend_name} had not finished after {timeout:g} s",
                hint="allow more time with timeout=",
            )
        error = self._unusable or self._unreached
        return error.with_traceback(None) if error is not None else self._no_answer(self._bootstrap)

    def add_bootstrap(self, contact: KnownHost) -> None:
        """Start from this contact too, now and in future."""
        if contact not in self._bootstrap:
            self._bootstrap.append(contact)
            self._unreached = None
            self._contacts_changed.set()

    def remove_bootstrap(self, contact: KnownHost) -> bool:
        """Do not start from this contact any more. False where it was none."""
        if contact not in self._bootstrap:
            return False
        self._bootstrap.remove(contact)
        self._progress.notify()  # with none left there is nobody to wait for
        return True

    async def _keep_in_touch(self) -> None:
        """Bootstrap until it succeeds, again whenever no known node is left, and where there are doubts."""
        failures = 0
        changed = True
        while True:
            contacts = self._to_try()
            error = None
            if contacts and (changed or self._in_doubt or not self._backend.contacts()):
                self._in_doubt = False
                error = await self._attempt(contacts)
                self.heard(error)
            # A node that cannot reach its contacts can still be found by others.
            self._reached = (bool(contacts) and error is None) or bool(self._backend.contacts())
            self._unreached = None if self._reached else error
            self._progress.notify()
            self._look_around()
            failures = failures + 1 if self._unreached else 0
            pause = timing.bootstrap_after(failures, self._random) if failures else CHECK_EVERY
            changed = await self._contacts_change(before=self._clock.now() + pause)

    def _to_try(self) -> tuple[KnownHost, ...]:
        """The network's contacts, and those that were good once."""
        return tuple(dict.fromkeys([*self._bootstrap, *self._kept[:MAX_TRIED]]))

    def _look_around(self) -> None:
        """Note who is there, and where we are."""
        good = self._backend.contacts()
        if len(good) != self.size:
            self.size = len(good)
            self.news.notify()
        if good:
            self._kept = good
            if self._clock.now() >= self._saved + SAVE_EVERY:
                self._saved = self._clock.now()
                self.tasks.start(self._write_contacts(good, SAVE_EVERY))
        before, self._whereabouts = self._whereabouts, self._backend.whereabouts
        # To learn of an address is no move; to lose one is.
        if self._whereabouts and before - self._whereabouts:
            self.moves += 1
            self.news.notify()

    def heard(self, error: BitBootError | None) -> None:
        """The network has answered, or failed to."""
        if error is None and self._is_down:
            self._is_down = False
            self.outages_over += 1
            self.news.notify()
        elif isinstance(error, BackendError):
            self._is_down = True

    async def _read_contacts(self) -> None:
        if self._file is not None:
            try:
                async with deadline(self._clock, self._clock.now() + READ_TIMEOUT):
                    self._kept = await in_thread(self._file.read, "bitboot-state")
            except TimeUp:
                log.warning("the contacts in %s take too long to read", self._file.path)

    async def _write_contacts(self, contacts: Sequence[KnownHost], timeout: float) -> None:
        file = self._file
        if file is not None and contacts:
            try:
                async with deadline(self._clock, self._clock.now() + timeout):
                    await in_thread(lambda: file.write(contacts), "bitboot-state")
            except TimeUp:
                log.warning("the contacts of %s take too long to write", self.name)

    async def _contacts_change(self, *, before: float | None) -> bool:
        """Whether a contact is added before that time."""
        try:
            async with deadline(self._clock, before):
                await self._contacts_changed.wait()
        except TimeUp:
            return False
        self._contacts_changed.clear()
        return True

    async def _attempt(self, contacts: Sequence[KnownHost]) -> BitBootError | None:
        self._tried, self._attempts = len(contacts), self._attempts + 1
        try:
            answered = await self._backend.bootstrap(contacts, until=self._clock.now() + ATTEMPT_TIMEOUT)
        except BitBootError as error:
            return error
        return None if answered > 0 else self._no_answer(contacts)

    def _no_answer(self, contacts: Sequence[KnownHost]) -> BootstrapFailed:
        shown = ", ".join(map(str, contacts[:8]))
        more = f" and {len(contacts) - 8} more" if len(contacts) > 8 else ""
        return BootstrapFailed(
            f"no bootstrap contact of {self.name} answered: {shown}{more}",
            hint="check that this machine is online, or give other contacts with bootstrap=",
        )

    # What it is there for

    async def announce(self, key: bytes, endpoint: KnownHost, *, lifetime: float, timeout: float) -> Receipt:
        """Announce once, after waiting for contact. Raises a BitBootError within `timeout` seconds."""
        until = self._clock.now() + timeout
        if self._unusable is None:
            check_family(endpoint, self.name, self._backend.capabilities)
        try:
            await self.ready(timeout)
            receipt = await self._backend.announce(key, endpoint, lifetime=lifetime, until=until)
        except BackendError:
            self._in_doubt = True
            raise
        self.heard(None)
        return receipt

    async def withdraw(self, key: bytes, endpoint: KnownHost, *, timeout: float) -> None:
        """Take an announcement back, where the network can do that."""
        await self._backend.withdraw(key, endpoint, until=self._clock.now() + timeout)

    def count_contacts(self) -> int:
        """How many of the network's nodes are known at this moment."""
        return len(self._backend.contacts())

    def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        """The backend's own stream of peers, as untrusted as the backend. Wait for `in_touch` first."""
        return self._backend.lookup(key)

    @property
    def crowd(self) -> int | None:
        """`Capabilities.crowd`: how many peers under one key may not be all. None where it does not run."""
        return None if self._unusable is not None else self._backend.capabilities.crowd

    @property
    def backend(self) -> Backend:
        """The backend itself, for what only it offers. Raises why it is not running, where it is not."""
        if self._unusable is not None:
            raise self._unusable.with_traceback(None)
        return self._backend.backend

    def wrapped(self, error: Exception, doing: str) -> BitBootError:
        """`error` as a BitBootError: itself, or a BackendError that names the backend."""
        return self._backend.wrapped(error, doing)

    def stats(self) -> Mapping[str, int | float]:
        """The backend's counters."""
        return self._backend.stats()

    def state(self) -> NetworkState:
        """How it is doing."""
        return NetworkState(
            network=self.name,
            backend=self.backend_name,
            ready=self.is_ready,
            listen=self._backend.address,
            contacts=len(self._backend.contacts()),
            bootstrap=tuple(self._bootstrap),
            error=self._unusable or self._unreached,
            tried=self._tried,
            attempts=self._attempts,
        )
