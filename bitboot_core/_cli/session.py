"""A BitBoot for one command: opened, in touch, its networks told of, and closed at the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from ..bitboot import BitBoot
from ..config import BitBootConfig
from ..errors import BitBootError, NotRunning, Offline
from ..reports import Place, Reachability
from .report.events import Failed, Ready
from .report.reach import Reached
from .report.report import Report
from .report.view import View

T = TypeVar("T")

LOOK_EVERY = 0.1
"""Seconds between looks at whether this machine is offline."""


class Session:
    """An open BitBoot, and whom to tell how its networks are doing."""

    def __init__(self, bitboot: BitBoot, report: Report) -> None:
        self.bitboot = bitboot
        self.report = report
        self._ready: set[str] = set()
        self._failures: dict[tuple[str, str], str] = {}  # what was told last, by network, and of what
        self._places: dict[tuple[str, int], Place] = {}  # the same, by network and IP version

    def tell_ready(self) -> None:
        """Tell of each network that is in touch by now, once. Of several, some may need longer."""
        states = self.bitboot.networks()
        if len(self._ready) == len(states):
            return
        for network, state in states.items():
            if state.ready and network not in self._ready:
                self._ready.add(network)
                self.report.tell(
                    Ready(
                        network=network,
                        backend=state.backend,
                        listen=str(state.listen),
                        contacts=state.contacts,
                    )
                )

    def tell_networks(self) -> None:
        """Tell of networks that got in touch, and of those that lost touch or never had it: why."""
        for network, state in self.bitboot.networks().items():
            if state.ready:
                self.forget_failure(network)
            else:
                self._ready.discard(network)
                if state.error is not None and (state.attempts or not isinstance(state.error, NotRunning)):
                    self.tell_failure(network, state.error)
            if state.mapping_error is not None:
                self.tell_failure(network, state.mapping_error, of="port")
            else:
                self.forget_failure(network, of="port")
        self.tell_ready()
        self._tell_places()

    def _tell_places(self) -> None:
        """Tell whether others can reach this node, once that is known and when it has changed.

        An IP version that has never worked is told of where no other works: most machines have one.
        """
        for network, state in self.bitboot.networks().items():
            works = any(place.reachability is not Reachability.BLOCKED for place in state.places.values())
            for family, place in state.places.items():
                told = self._places.get((network, family))
                is_no_news = place.reachability is Reachability.UNKNOWN or (
                    place.reachability is Reachability.BLOCKED and works
                )
                if place != told and not (told is None and is_no_news):
                    self._places[network, family] = place
                    self.report.tell(Reached.of(network, family, place))

    def tell_failure(self, network: str, error: BitBootError, *, of: str = "network") -> None:
        """Tell what is the matter with a network (or with its "port"), unless that is what was told last."""
        if self._failures.get((network, of)) != str(error):
            self._failures[network, of] = str(error)
            self.report.tell(Failed.of(error, network=network))

    def forget_failure(self, network: str, *, of: str = "network") -> None:
        """It works again: a failure is news the next time."""
        self._failures.pop((network, of), None)


@asynccontextmanager
async def open_session(
    config: BitBootConfig, report: Report, view: View | None = None, *, wait: bool = True
) -> AsyncIterator[Session]:
    """Open a BitBoot and, with `wait`, wait until it is in touch. Raises what `BitBoot.ready` does.

    `view` is shown from the beginning until everything is withdrawn and closed.
    """
    bitboot = BitBoot(config)
    async with AsyncExitStack() as stack:
        if view is not None:
            await stack.enter_async_context(report.showing(view, bitboot))
        await stack.enter_async_context(bitboot)
        try:
            session = Session(bitboot, report)
            if wait:
                await _ready(bitboot)
                session.tell_ready()
            yield session
        finally:
            if view is not None:
                view.leave(bitboot)


async def while_reaching(session: Session, work: Coroutine[Any, Any, T]) -> T:
    """What `work` gives, which begins at once. Raises what `BitBoot.ready` does where nothing is reached."""
    reaching = asyncio.ensure_future(_ready(session.bitboot))
    working = asyncio.ensure_future(work)
    both = {reaching, working}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            await reaching
        session.tell_ready()  # also of a lookup that failed at once, in whichever order they came
        return await working
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _ready(bitboot: BitBoot) -> None:
    """`BitBoot.ready`, but where this machine is offline it does not wait for the time to be over."""
    waiting = asyncio.ensure_future(bitboot.ready())
    try:
        while not waiting.done():
            await asyncio.wait({waiting}, timeout=LOOK_EVERY)
            errors = [state.error for state in bitboot.networks().values()]
            offline = [error for error in errors if isinstance(error, Offline)]
            if offline and len(offline) == len(errors):
                raise offline[0].with_traceback(None)
        await waiting
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
