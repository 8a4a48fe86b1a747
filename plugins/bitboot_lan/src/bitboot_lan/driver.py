"""The rim: the engine's datagrams and deadlines on this machine's sockets and event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from random import Random

from bitboot_core import BackendError, KnownHost, ListenFailed, NotRunning
from bitboot_core.aio.clock import SystemClock
from bitboot_core.aio.logs import logger
from bitboot_core.aio.tasks import Tasks
from bitboot_core.aio.threads import in_thread

from .engine import ANYWHERE, Engine, Sender
from .group import Group, error_of
from .interfaces import choose
from .requesting import Requesting
from .settings import Settings
from .system import System

_log = logger(__name__)

ASLEEP = 3.0
"""This many times as long between two looks at the interfaces as should be: the machine has slept."""


class Driver:
    """Runs an engine, from `open` to `aclose`."""

    def __init__(
        self,
        settings: Settings,
        listen: KnownHost | None,
        now: Callable[[], float],
        system: System,
    ) -> None:
        self._settings, self._now, self._look = settings, now, system.look
        self._only = None if listen is None or listen.is_any else listen.host
        self._family = None if listen is None or not listen.host else listen.family
        self.group: Group = Group(settings, system, self._receive, self.wake)
        self.engine: Engine = Engine(
            settings, self.group.send, lambda: error_of(self.group, ANYWHERE, BackendError), Random()
        )
        self.requesting: Requesting = Requesting(settings, listen, now, self._is_neighbour)
        self.on_moved: Callable[[], None] = lambda: None
        self._loop = asyncio.get_running_loop()
        self._tasks = Tasks(SystemClock())
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._looked = now()
        self._cannot_look = False
        self._is_closed = False

    async def open(self) -> None:
        """Look at the interfaces, and begin. Raises ListenFailed; close it in any case."""
        await self._look_around()
        if self._only is not None and not self.group.interfaces.addresses:
            raise ListenFailed(
                f"{self._only} is not an address of this machine with neighbours",
                hint="use one that is, or leave the host out for all of them",
            )
        self.group.check_listening()
        self._tasks.start(self._keep_looking())
        self.wake()

    async def aclose(self) -> None:
        """Say goodbye, and leave nothing. Whoever still waits gets NotRunning. May be called twice."""
        if not self._is_closed:
            self._is_closed = True
            self.engine.leave(self._now())
            self.engine.searches.fail(NotRunning("the node was closed meanwhile"))
        for handle in (self._timer, self._soon):
            if handle is not None:
                handle.cancel()
        try:
            await self._tasks.cancel()
        finally:
            await self.requesting.aclose()
        await self.group.aclose()

    # Time

    def wake(self) -> None:
        """Something has changed: poll in the next turn of the loop, once for all that happens in this one."""
        if self._soon is None and not self._is_closed:
            self._soon = self._loop.call_soon(self._poll)

    def _poll(self) -> None:
        self._soon = None
        if self._timer is not None:
            self._timer.cancel()
        now = self._now()
        self.engine.poll(now)
        # Not longer than until the next look: timers of the loop stand still while the machine sleeps.
        wait = min(self.engine.deadline() - now, self._settings.look_every)
        self._timer = self._loop.call_later(max(0.0, wait), self.wake)

    def _is_neighbour(self, host: str) -> bool:
        return self.group.interfaces.is_neighbour(host)

    def _receive(self, datagram: bytes, host: str) -> None:
        sender = Sender(host, self._is_neighbour(host))
        self.engine.receive(datagram, sender, self._now())

    # Interfaces that come and go

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(self._settings.look_every)
            try:
                await self._look_around()
                await self.group.tidy()
            except Exception:  # noqa: BLE001 - logged; without the next look a network that comes is not used
                _log.exception("looking at this machine's network interfaces failed, and is tried again")

    async def _look_around(self) -> None:
        try:
            found = await in_thread(self._look, "bitboot-interfaces")
        except OSError as error:
            level = logging.DEBUG if self._cannot_look else logging.WARNING
            _log.log(level, "this machine's network interfaces cannot be listed: %s", error)
            self._cannot_look = True
            return
        self._cannot_look = False
        if self._is_closed:
            return
        now, before = self._now(), self.group.interfaces
        has_slept, self._looked = now - self._looked > ASLEEP * self._settings.look_every, now
        found = [one for one in found if self._family in (None, one.family)]
        interfaces = choose(found, self._only)
        if has_slept:
            self.group.open_again()
        self.group.use(interfaces)
        if interfaces != before or has_slept:
            self.engine.moved(now, interfaces.is_neighbour)
            self.on_moved()
            self.wake()
