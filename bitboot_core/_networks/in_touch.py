"""Being in touch with a network: getting there, staying there, and knowing what has changed meanwhile."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..aio import timing
from ..aio.clock import Clock, TimeUp, deadline
from ..aio.logs import logger
from ..aio.tasks import Signal
from ..aio.threads import in_thread
from ..errors import BackendError, BackendTimeout, BitBootError, BootstrapFailed, HostNotFound, NotRunning
from ..model import KnownHost
from .guard import GuardedBackend

if TYPE_CHECKING:
    from random import Random

    from .kept_contacts import ContactFile

ATTEMPT_TIMEOUT = 30.0
"""Seconds after which a bootstrap that does not end is given up and begun again."""

CHECK_EVERY = 20.0
"""Seconds between looks at whether the backend still knows any node, and where we are. They ask nobody.
A change of address is announced within a minute, of which the backend needs a good part to notice it."""

SAVE_EVERY = 600.0
"""Seconds between two times that the contacts are kept on disk."""

READ_TIMEOUT = 1.0
"""Seconds that reading the kept contacts may take: a disk that hangs holds up nobody."""

MAX_TRIED = 100
"""How many earlier contacts are tried besides the network's own. Where nine in ten of them are gone,
as after a long time offline, some are still found."""

log = logger(__name__)


class InTouch:
    """The endeavour to be in touch with one network, from its start to its end."""

    def __init__(
        self,
        network: str,
        backend: GuardedBackend,
        *,
        bootstrap: Sequence[KnownHost],
        clock: Clock,
        random: Random,
        file: ContactFile | None,
    ) -> None:
        """`file`: where contacts are kept for the next start, None to keep none."""
        self.unusable: BitBootError | None = NotRunning(f"the network {network} has not been started")
        """Why the network cannot be used at all, None where it can."""
        self.unreached: BitBootError | None = None
        """Why it has not been reached, None where it has, or nobody knows yet."""
        self.bootstrap: list[KnownHost] = list(bootstrap)
        self.tried: int = 0
        """How many contacts the last attempt asked."""
        self.attempts: int = 0
        """How many attempts there were."""
        self.moves: int = 0
        """How often this node's address has changed."""
        self.outages_over: int = 0
        """How often the network has come back after it could not be reached."""
        self.size: int = 0
        """How many of the network's nodes we knew when we last looked."""
        self.news: Signal = Signal()
        """Wakes who waits for one of these three to change."""
        self._network, self._backend, self._clock, self._random = network, backend, clock, random
        self._reached = False
        self._progress = Signal()  # after every attempt to get in touch, and at the end
        self._contacts_changed = asyncio.Event()
        self._file = file
        self._kept: list[KnownHost] = []  # contacts that were good once
        self._saved = -math.inf
        self._whereabouts: frozenset[str] = frozenset()
        self._is_down = False  # the last that was heard of it was a failure
        self._in_doubt = False  # an announcement failed, and nobody has asked since what is the matter

    # Its life

    async def begin(self) -> None:
        """Begin to bootstrap, which goes on by itself until the backend is closed."""
        self.unusable = None
        self._backend.on_moved(self._look_where)
        await self._read_contacts()
        self._backend.tasks.start(self._keep_in_touch())

    def end(self) -> None:
        """From now on nobody waits for contact any more."""
        if self.unusable is None:
            self.unusable = NotRunning(f"the network {self._network} has been closed")
        self._progress.notify()

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
            if self.unusable is not None:
                raise self.unusable.with_traceback(None)
            if isinstance(self.unreached, HostNotFound):
                raise self.unreached.with_traceback(None)
            await self._progress.wait()

    @property
    def is_ready(self) -> bool:
        """Whether it is running, and in touch or with nobody to get in touch with."""
        return self.unusable is None and (self._reached or not self.bootstrap)

    def late(self, timeout: float) -> BitBootError:
        """The error for a call that was not done after `timeout` seconds: what held it up."""
        if self.is_ready:
            return BackendTimeout(
                f"{self._backend.name} had not finished after {timeout:g} s",
                hint="allow more time with timeout=",
            )
        error = self.unusable or self.unreached
        return error.with_traceback(None) if error is not None else self._no_answer(self.bootstrap)

    def add_bootstrap(self, contact: KnownHost) -> None:
        """Start from this contact too, now and in future."""
        if contact not in self.bootstrap:
            self.bootstrap.append(contact)
            self.unreached = None
            self._contacts_changed.set()

    def remove_bootstrap(self, contact: KnownHost) -> bool:
        """Do not start from this contact any more. False where it was none."""
        if contact not in self.bootstrap:
            return False
        self.bootstrap.remove(contact)
        self._progress.notify()  # with none left there is nobody to wait for
        return True

    async def meet(self, contacts: Sequence[KnownHost]) -> None:
        """Get in touch through these too, which were found nearby. Those that answer are kept in mind.

        It does not wait for an attempt that is under way, which lasts until contacts far away have been
        silent for long. Raises a BitBootError where none answers.
        """
        if await self._backend.bootstrap(contacts, until=self._clock.now() + ATTEMPT_TIMEOUT):
            self.heard(None)
            self._reached, self.unreached = True, None
            self._progress.notify()
            self._look_around()

    def openings(self) -> tuple[KnownHost, ...]:
        """Where a lookup may begin before the network is reached: those that were good once come first."""
        return tuple(dict.fromkeys([*self._kept[:MAX_TRIED], *self.bootstrap]))

    def answered(self) -> None:
        """Nodes of the network have answered a lookup, whoever the attempt under way still waits for."""
        if not self._reached:
            log.info("%s: nodes have answered a lookup", self._network)
            self._reached, self.unreached = True, None
            self._progress.notify()
            self._look_around()

    def heard(self, error: BitBootError | None) -> None:
        """The network has answered, or failed to."""
        if error is None and self._is_down:
            self._is_down = False
            self.outages_over += 1
            self.news.notify()
        elif isinstance(error, BackendError):
            self._is_down = True

    def doubt(self) -> None:
        """An announcement failed: see at the next look whether the network is still there."""
        self._in_doubt = True

    async def keep_contacts(
        self, contacts: Sequence[KnownHost], round_trips: Mapping[KnownHost, float], timeout: float
    ) -> None:
        """Keep these contacts for the next start, if that takes no longer than `timeout` seconds."""
        file = self._file
        if file is not None and contacts:
            try:
                async with deadline(self._clock, self._clock.now() + timeout):
                    await in_thread(lambda: file.write(contacts, round_trips), "bitboot-state")
            except TimeUp:
                log.warning("the contacts of %s take too long to write", self._network)

    # Inside

    async def _keep_in_touch(self) -> None:
        """Bootstrap until it succeeds, again whenever no known node is left, and where there are doubts."""
        failures = 0
        changed = True
        while True:
            try:
                await self._look(changed)
            except Exception as error:
                # Nothing that goes wrong in one round ends the endeavour: the network would be lost for good.
                log.exception("%s: staying in touch failed, and is tried again", self._network)
                self._reached, self.unreached = False, self._backend.wrapped(error, "stay in touch")
                self._progress.notify()
            failures = failures + 1 if self.unreached else 0
            pause = timing.bootstrap_after(failures, self._random) if failures else CHECK_EVERY
            changed = await self._contacts_change(before=self._clock.now() + pause)

    async def _look(self, changed: bool) -> None:
        """One round: get in touch where that is called for, and note who is there."""
        contacts = self._to_try()
        error = None
        if contacts and (changed or self._in_doubt or not self._backend.contacts()):
            self._in_doubt = False
            error = await self._attempt(contacts)
            self.heard(error)
        # A node that cannot reach its contacts can still be found by others.
        self._reached = (bool(contacts) and error is None) or bool(self._backend.contacts())
        self.unreached = None if self._reached else error
        self._progress.notify()
        self._look_around()

    def _to_try(self) -> tuple[KnownHost, ...]:
        """The network's contacts, and those that were good once."""
        return tuple(dict.fromkeys([*self.bootstrap, *self._kept[:MAX_TRIED]]))

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
                keeping = self.keep_contacts(good, self._backend.round_trips(), SAVE_EVERY)
                self._backend.tasks.start(keeping)
        self._look_where()

    def _look_where(self) -> None:
        """Note where we are."""
        before, self._whereabouts = self._whereabouts, self._backend.whereabouts
        # To learn of an address is no move; to lose one is.
        if self._whereabouts and before - self._whereabouts:
            self.moves += 1
            self.news.notify()

    async def _read_contacts(self) -> None:
        if self._file is not None:
            try:
                async with deadline(self._clock, self._clock.now() + READ_TIMEOUT):
                    self._kept = await in_thread(self._file.read, "bitboot-state")
            except TimeUp:
                log.warning("the contacts in %s take too long to read", self._file.path)

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
        self.tried, self.attempts = len(contacts), self.attempts + 1
        try:
            answered = await self._backend.bootstrap(contacts, until=self._clock.now() + ATTEMPT_TIMEOUT)
        except BitBootError as error:
            return error
        return None if answered > 0 else self._no_answer(contacts)

    def _no_answer(self, contacts: Sequence[KnownHost]) -> BootstrapFailed:
        shown = ", ".join(map(str, contacts[:8]))
        more = f" and {len(contacts) - 8} more" if len(contacts) > 8 else ""
        return BootstrapFailed(
            f"no bootstrap contact of {self._network} answered: {shown}{more}",
            hint="check that this machine is online, or give other contacts with bootstrap=",
        )
