"""A swarm over time: who joins it, and who has left.

A lookup of a DHT is a sample: nodes lose datagrams, a crowded key shows another part of its peers
each time. So one lookup without a peer means nothing. The rule, for each network on its own:

- a peer is there at first sight;
- a scan that fails, or is cut short, says nothing of anybody;
- a peer is gone from a network when MISSES scans in a row ended well without it, and it was last
  seen at least GONE_AFTER seconds ago. Where each scan overlooks 30 % of the peers, one that is there
  is taken for gone once in 0.3 ** -16, that is in 200 million sights;
- a peer has left when it is gone from every network that told of it. A network that has not answered
  for SILENT_AFTER seconds, longer than records live, has no say where another one does answer. Of a
  network that is watched no more, the others inherit who was there, to look for them in their turn.

Scans are quick while the swarm is unknown or changing and slow when it is quiet: see `timing`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Self

from .._networks.network import ActiveNetwork
from .._networks.per_network import PerNetwork
from ..aio import timing
from ..aio.clock import Clock, sleep_until
from ..aio.tasks import Signal, Tasks, cancel
from ..errors import BackendError, BitBootError, NotRunning
from ..model import KnownHost, Peer, swarm_key
from .lookup import Lookup

__all__ = ["PeerJoined", "PeerLeft", "Watch"]

MISSES = 16
GONE_AFTER = 600.0
SILENT_AFTER = 3600.0

MAX_PEERS = 1 << 16
"""How many peers of a swarm are followed: newcomers beyond that have to wait until somebody leaves."""

MAX_EVENTS = 1024
"""How many events may wait for the reader. After that the scans wait as well."""


@dataclass(frozen=True, slots=True)
class PeerJoined:
    """A peer was seen in the swarm that was not there before."""

    swarm: str
    peer: Peer


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """A peer has not been seen in the swarm for long, however often it was looked for."""

    swarm: str
    peer: Peer


Event = PeerJoined | PeerLeft


@dataclass(slots=True, eq=False, repr=False)
class _Sight:
    """How one peer stands on one network, which told of it itself or inherited it."""

    seen: float
    misses: int = 0
    inherited: bool = False

    def is_gone(self, now: float) -> bool:
        return self.misses >= MISSES and now - self.seen >= GONE_AFTER


class _Scanner:
    """One network, and what it told last."""

    def __init__(self, network: ActiveNetwork, now: float) -> None:
        self.network = network
        self.sights: dict[KnownHost, _Sight] = {}
        self.failure: BitBootError | None = None
        self.scans = 0
        self.crowded = False
        self.answered = now
        self.task: asyncio.Task[None] | None = None


class Watch:
    """The comings and goings in a swarm, on every active network, until it is closed.

        async with bitboot.watch("unique_network") as events:
            async for event in events:
                ...

    Made by `BitBoot.watch`. Iteration gives PeerJoined and PeerLeft, and ends when it is closed. It
    does not end where scans fail: `failures` tells of those, and the peers stay as they were.
    """

    def __init__(
        self,
        swarm: str,
        networks: Callable[[], Iterable[ActiveNetwork]],
        *,
        timeout: float,
        clock: Clock,
        random: Random,
        opened: Callable[[Watch], None],
        closed: Callable[[Watch], None],
    ) -> None:
        """`networks`: those to begin on. `opened` and `closed` are told when it begins and ends."""
        swarm_key(swarm)
        self.swarm = swarm
        self._networks, self._timeout, self._clock, self._random = networks, timeout, clock, random
        self._opened, self._closed = opened, closed
        self._scanners: dict[str, _Scanner] = {}
        self._present: dict[KnownHost, tuple[str, ...]] = {}  # with the networks last known to tell of it
        self._orphans: dict[KnownHost, _Sight] = {}  # known from networks that are not watched any more
        self._events: deque[Event] = deque()
        self._arrived, self._room = Signal(), Signal()
        self._scanned = Signal()
        self._tasks = Tasks(clock)
        self._state = "new"

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def open(self) -> None:
        """Begin. `async with` does this. Raises NotRunning where it has been closed, or BitBoot has."""
        if self._state != "new":
            raise NotRunning("a watch is opened once", hint="make another one with watch()")
        networks = list(self._networks())
        self._state = "open"
        self._opened(self)
        for network in networks:
            self.join(network)

    async def aclose(self) -> None:
        """Stop scanning. What was found can still be read. May be called twice."""
        if self._state == "open":
            self._closed(self)
        self._state = "closed"
        self._arrived.notify()
        self._scanned.notify()
        await self._tasks.cancel()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._state == "new":
                raise NotRunning("the watch is not open", hint="use it with `async with`")
            if self._state == "closed":
                raise StopAsyncIteration
            await self._arrived.wait()
        event = self._events.popleft()
        self._room.notify()
        return event

    @property
    def peers(self) -> list[Peer]:
        """Who is there at the moment, each with the networks that told of it."""
        return [self._peer(host) for host in self._present]

    @property
    def failures(self) -> PerNetwork[BitBootError]:
        """Why the last scan failed, by network: only where it did."""
        return PerNetwork(
            {name: one.failure for name, one in self._scanners.items() if one.failure is not None},
            {name: one.network.backend_name for name, one in self._scanners.items()},
        )

    @property
    def scans(self) -> PerNetwork[int]:
        """How many scans of each network have ended, well or not."""
        return PerNetwork(
            {name: one.scans for name, one in self._scanners.items()},
            {name: one.network.backend_name for name, one in self._scanners.items()},
        )

    async def scanned(self) -> None:
        """Wait until a scan of one of the networks has ended, well or not.

        Returns when it is closed too; raises NotRunning where it is not open.
        """
        if self._state != "open":
            raise NotRunning("the watch is not open", hint="use it with `async with`")
        await self._scanned.wait()

    # Called by BitBoot when networks come and go

    def join(self, network: ActiveNetwork) -> None:
        """Watch this network too."""
        scanner = self._scanners[network.name] = _Scanner(network, self._clock.now())
        scanner.task = self._tasks.start(self._scan_for_ever(scanner))

    async def leave(self, network: str) -> None:
        """Watch this network no more. The others look for those who were known from it."""
        scanner = self._scanners.pop(network, None)
        if scanner is not None and scanner.task is not None:
            self._orphans |= scanner.sights
            await cancel({scanner.task}, self._clock)

    # Inside

    async def _scan_for_ever(self, scanner: _Scanner) -> None:
        pause, slept = 0.0, False
        while True:
            changed = await self._scan(scanner) or slept
            self._scanned.notify()
            now = self._clock.now()
            missing = any(sight.misses and not sight.is_gone(now) for sight in scanner.sights.values())
            doubtful = missing or scanner.failure is not None
            pause = timing.scan_after(pause, changed=changed, doubtful=doubtful)
            if scanner.crowded:
                pause = max(pause, timing.CROWDED_SCAN)
            due = self._clock.now() + timing.scattered(pause, self._random)
            await sleep_until(self._clock, due)
            # After the machine has slept, who knows who is there by now?
            slept = self._clock.now() > due + timing.SLOW_SCAN

    async def _scan(self, scanner: _Scanner) -> bool:
        """Look the swarm up on one network. Whether that changed who is there."""
        began = self._clock.now()
        first = scanner.scans == 0
        before = set(self._present)
        try:
            failure = await self._read(scanner)
        except BitBootError as error:
            failure = error
        scanner.scans += 1
        scanner.failure = failure
        if failure is None:
            scanner.answered = self._clock.now()
            self._inherit(scanner)
            missing = [(host, sight) for host, sight in scanner.sights.items() if sight.seen < began]
            for _, sight in missing:
                sight.misses += 1
            await self._tell_who_left([host for host, _ in missing])
        return first or set(self._present) != before

    async def _read(self, scanner: _Scanner) -> BitBootError | None:
        """Take note of everybody who is there. Returns or raises why not all could be read."""
        lookup = Lookup(
            [self.swarm],
            lambda: [scanner.network],
            limit=None,
            timeout=self._timeout,
            clock=self._clock,
            opened=lambda _: None,
            closed=lambda _: None,
        )
        beyond = False
        async with lookup:
            async for peer in lookup:
                beyond |= not await self._saw(scanner, peer.endpoint)
        scanner.crowded = lookup.crowded
        if beyond:
            name = scanner.network.name
            return BackendError(f"{name} tells of more than {MAX_PEERS} peers: the others are left out")
        return next(iter(lookup.failures.values()), None)

    async def _saw(self, scanner: _Scanner, host: KnownHost) -> bool:
        """Take note of a peer. False where there is no room for it."""
        if host not in scanner.sights and len(scanner.sights) >= MAX_PEERS:
            return False
        scanner.sights[host] = _Sight(self._clock.now())
        if host not in self._present:
            await self._wait_for_room()
            if host not in self._present:  # another network may have told of it meanwhile
                self._present[host] = (scanner.network.name,)
                self._tell(PeerJoined(self.swarm, self._peer(host)))
        return True

    def _inherit(self, scanner: _Scanner) -> None:
        """Have a network that answers look for those whom nobody else looks for any more."""
        for host, sight in self._orphans.items():
            if host in self._present and len(scanner.sights) < MAX_PEERS:
                scanner.sights.setdefault(host, _Sight(sight.seen, inherited=True))
        self._orphans.clear()

    async def _tell_who_left(self, hosts: Iterable[KnownHost]) -> None:
        for host in hosts:
            if host not in self._present or not self._has_left(host):
                continue
            await self._wait_for_room()
            if host in self._present and self._has_left(host):
                peer = self._peer(host)
                del self._present[host]
                for scanner in self._scanners.values():
                    scanner.sights.pop(host, None)
                self._tell(PeerLeft(self.swarm, peer))

    def _has_left(self, host: KnownHost) -> bool:
        now = self._clock.now()
        told = [scanner for scanner in self._scanners.values() if host in scanner.sights]
        gone = [scanner for scanner in told if scanner.sights[host].is_gone(now)]
        silent = [one for one in told if one not in gone and now - one.answered >= SILENT_AFTER]
        return len(gone) + (len(silent) if gone else 0) == len(told)

    def _peer(self, host: KnownHost) -> Peer:
        now = self._clock.now()
        sources = [
            name
            for name, one in self._scanners.items()
            if (sight := one.sights.get(host)) is not None and not sight.inherited and not sight.is_gone(now)
        ]
        if sources:
            self._present[host] = tuple(sources)
        return Peer(host.host, host.port, self._present[host], host.peer_id)

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        self._arrived.notify()

    async def _wait_for_room(self) -> None:
        while len(self._events) >= MAX_EVENTS:
            await self._room.wait()
