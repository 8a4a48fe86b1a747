"""Watching a private swarm: proved members come and go."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from ..._networks.network import ActiveNetwork
from ...aio.tasks import Signal
from ...aio.timing import SCANS_APART
from ...errors import BitBootError
from ..lookup import Lookup
from ..scanner import Scanner
from ..use import Context
from ..watch import Watch
from .lookup import PrivateLookup
from .membership import Membership
from .roster import MAX_SESSIONS
from .session import Session

SCANNED_PER_SECOND = 40.0
"""Members that scans come across, at most: of a large swarm they are rarer. Of two members one finding
the other is enough."""


PATIENCE = 6.0
"""Seconds after its reading for which a scan waits for those who are asked.

Where hundreds join at once they take longer, and two members who have missed each other would wait for the
next scan all that time. Whoever proves to be a member later is taken note of all the same (`_proved`).
"""


class PrivateWatch(Watch):
    """A Watch of a private swarm. Members whom a scan cannot reach come when they call: see `prover`."""

    def __init__(self, context: Context, membership: Membership, *, timeout: float) -> None:
        super().__init__(context, membership.name, timeout=timeout)
        self._membership = membership
        self._unlisten: Callable[[], None] | None = None
        self._came: deque[tuple[ActiveNetwork, Session]] = deque(maxlen=MAX_SESSIONS)
        self._has_come = Signal()

    def open(self) -> None:
        self._membership.hold(self)
        self._unlisten = self._membership.listen(self._proved)
        super().open()
        self._tasks.start(self._take_notes())

    # Inside

    def _stop(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
        super()._stop()

    async def _clean_up(self) -> None:
        await super()._clean_up()
        ending = self._membership.let_go(self)
        if ending is not None:
            await asyncio.wait({ending})

    def _lookup(self, context: Context) -> Lookup:
        return PrivateLookup(context, [self._membership], timeout=self._timeout, patience=PATIENCE)

    def _shortest_pause(self, scanner: Scanner) -> float:
        return max(super()._shortest_pause(scanner), len(self._present) / SCANNED_PER_SECOND)

    def _due(self, scanner: Scanner, pause: float) -> float:
        # Where many are asked a scan takes long, and whom this one has not come across would have to wait.
        return max(self._clock.now() + SCANS_APART, scanner.began + pause)

    def _proved(self, network: ActiveNetwork, session: Session) -> None:
        """Somebody has proved to be a member, between two scans or in one."""
        self._came.append((network, session))
        self._has_come.notify()

    async def _take_notes(self) -> None:
        while True:
            while self._came:
                network, session = self._came.popleft()
                with suppress(BitBootError):  # of a network, or a membership, that has ended meanwhile
                    await self._take_note(network, session)
            await self._has_come.wait()

    async def _take_note(self, network: ActiveNetwork, session: Session) -> None:
        prover = await self._membership.prover(network)
        scanner = self._scanners.get(network.name)
        if scanner is not None:
            for host in prover.peers_of(session):
                await self._saw(scanner, host, (None, session.member, session.record.data))
