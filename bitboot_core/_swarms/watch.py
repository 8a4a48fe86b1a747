"""A swarm over time: who joins it, and who has left.

A lookup of a DHT is a sample: nodes lose datagrams, a crowded key shows another part of its peers
each time. So one lookup without a peer means nothing. A peer is there at first sight; when it has
left again is said in `sights`. Of a network that is watched no more, the others inherit who was
there, to look for them in their turn.

Scans are quick while the swarm is unknown or changing and slow when it is quiet: see `timing`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from .._networks.network import ActiveNetwork
from .._networks.per_network import PerNetwork
from ..aio import timing
from ..aio.clock import sleep_until
from ..aio.tasks import Signal, cancel
from ..errors import BackendError, BitBootError
from ..model import KnownHost, Peer
from . import sights
from .details import NO_DETAILS, Details
from .keys import SwarmName, swarm_key
from .lookup import Lookup
from .scanner import Scanner
from .stored import tell_where_stored
from .use import Context, NetworkUser

if TYPE_CHECKING:
    from .announcement import Announcement

__all__ = ["PeerJoined", "PeerLeft", "Watch"]

T = TypeVar("T")

MAX_EVENTS = 1024
"""How many events may wait for the reader. After that the scans wait as well."""


@dataclass(frozen=True, slots=True)
class PeerJoined:
    """A peer was seen in the swarm that was not there before."""

    swarm: SwarmName
    peer: Peer


@dataclass(frozen=True, slots=True)
class PeerLeft:
    """A peer has not been seen in the swarm for long, however often it was looked for."""

    swarm: SwarmName
    peer: Peer


Event = PeerJoined | PeerLeft


class Watch(NetworkUser):
    """The comings and goings in a swarm, on every active network, until it is closed.

        async with bitboot.watch("unique_network") as events:
            async for event in events:
                ...

    Made by `BitBoot.watch`. Iteration gives PeerJoined and PeerLeft, and ends when it is closed. It
    does not end where scans fail: `failures` tells of those, and the peers stay as they were.
    """

    what = "watch"
    made_by = "watch"

    def __init__(self, context: Context, swarm: SwarmName, *, timeout: float) -> None:
        super().__init__(context)
        swarm_key(swarm)
        self.swarm = swarm
        self._timeout = timeout
        self._scanners: dict[str, Scanner] = {}
        self._present: dict[KnownHost, tuple[str, ...]] = {}  # with the networks last known to tell of it
        self._details: dict[KnownHost, Details] = {}  # the newest of each, where there are any
        self._orphans: dict[KnownHost, sights.Sight] = {}  # known from networks that are watched no more
        self._events: deque[Event] = deque()
        self._arrived, self._room = Signal(), Signal()
        self._scanned = Signal()

    def __repr__(self) -> str:
        return f"<Watch of {self.swarm}: {self._state}, {len(self._present)} peers>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._state == "closed":
                raise StopAsyncIteration
            self._check_open()
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
        return self._per_network(
            {name: one.failure for name, one in self._scanners.items() if one.failure is not None}
        )

    @property
    def scans(self) -> PerNetwork[int]:
        """How many scans of each network have ended, well or not."""
        return self._per_network({name: one.scans for name, one in self._scanners.items()})

    async def scanned(self) -> None:
        """Wait until a scan of one of the networks has ended, well or not.

        Returns when it is closed too; raises NotRunning where it is not open.
        """
        self._check_open()
        await self._scanned.wait()

    def scan_soon(self) -> None:
        """Scan all networks now and not when it is their turn: for whoever knows of a newcomer.

        Scans of a network begin at least 1 s apart, however often this is called, and those of a crowd (see
        `Capabilities.crowd`) keep their pace. Raises NotRunning where it is not open.
        """
        self._check_open()
        for network in self._scanners:
            self._scan_soon(network)

    async def leave(self, network: str) -> None:
        """Watch this network no more. The others look for those who were known from it."""
        scanner = self._scanners.pop(network, None)
        if scanner is not None and scanner.task is not None:
            self._orphans |= scanner.by_host
            await cancel({scanner.task}, self._clock)

    def scan_once_stored(self, announcement: Announcement) -> None:
        """Scan each network once more as soon as the announcement is stored there."""
        self._check_open()
        self._tasks.start(tell_where_stored(announcement, self._scan_soon))

    # Inside

    def _scan_soon(self, network: str) -> None:
        scanner = self._scanners.get(network)
        if scanner is not None and not scanner.crowded:
            scanner.due.set()

    def _use(self, network: ActiveNetwork) -> None:
        scanner = self._scanners[network.name] = Scanner(network, self._clock.now())
        scanner.task = self._tasks.start(self._scan_for_ever(scanner), failed=partial(self._broken, scanner))

    def _stop(self) -> None:
        self._arrived.notify()
        self._scanned.notify()

    def _broken(self, scanner: Scanner, error: BaseException) -> None:
        """A scanner's task has ended in an error that nobody has foreseen: its network is scanned no more."""
        scanner.failure = scanner.network.wrapped(error, "scan")
        self._scanned.notify()

    async def _scan_for_ever(self, scanner: Scanner) -> None:
        pause, slept = 0.0, False
        while True:
            changed = await self._scan(scanner) or slept
            self._scanned.notify()
            doubtful = scanner.is_missing_somebody(self._clock.now()) or scanner.failure is not None
            pause = timing.scan_after(pause, changed=changed, doubtful=doubtful)
            pause = max(pause, self._shortest_pause(scanner))
            due = self._due(scanner, timing.scattered(pause, self._context.random))
            asked = await self._wait_until_due(scanner, due)
            # After the machine has slept, who knows who is there by now?
            slept = asked or self._clock.now() > due + timing.SLOW_SCAN

    async def _wait_until_due(self, scanner: Scanner, due: float) -> bool:
        """Wait until it is time for a scan. Whether it was asked for before that."""
        timer = self._clock.call_at(due, scanner.due.set)
        try:
            await scanner.due.wait()
        finally:
            timer.cancel()
        asked = self._clock.now() < due
        if asked:
            await sleep_until(self._clock, min(due, scanner.began + timing.SCANS_APART))
        scanner.due.clear()
        return asked

    def _shortest_pause(self, scanner: Scanner) -> float:
        """Seconds that are waited between two scans at least."""
        return timing.CROWDED_SCAN if scanner.crowded else 0.0

    def _due(self, scanner: Scanner, pause: float) -> float:
        """When the next scan is due, now that one has ended."""
        return self._clock.now() + pause

    async def _scan(self, scanner: Scanner) -> bool:
        """Look the swarm up on one network. Whether that changed who is there."""
        began = scanner.began = self._clock.now()
        first = scanner.scans == 0
        before = set(self._present)
        try:
            failure = await self._read(scanner)
        except BitBootError as error:
            failure = error
        scanner.scans += 1
        scanner.failure = failure
        if failure is None:
            # A network that answers looks for those whom nobody else looks for any more.
            scanner.inherit({host: one for host, one in self._orphans.items() if host in self._present})
            self._orphans.clear()
            await self._tell_who_left(scanner.scanned(began, self._clock.now()))
        return first or set(self._present) != before

    async def _read(self, scanner: Scanner) -> BitBootError | None:
        """Take note of everybody who is there. Returns or raises why not all could be read."""
        alone = replace(self._context, networks=lambda: [scanner.network], users=set(), endings=set())
        beyond = False
        async with self._lookup(alone) as lookup:
            while arrived := await lookup.endpoints():
                for host in arrived:
                    beyond |= not await self._saw(scanner, host, lookup.details(host))
        scanner.crowded = lookup.crowded
        for host in lookup.changed:
            if host in self._present:
                self._note(host, lookup.details(host))
        if beyond:
            name = scanner.network.name
            return BackendError(
                f"{name} tells of more than {sights.MAX_PEERS} peers: the others are left out"
            )
        return next(iter(lookup.failures.values()), None)

    def _lookup(self, context: Context) -> Lookup:
        """What one scan of one network is."""
        return Lookup(context, [self.swarm], timeout=self._timeout)

    async def _saw(self, scanner: Scanner, host: KnownHost, details: Details) -> bool:
        """Take note of a peer, which is at `host`. False where there is no room for it."""
        if not scanner.saw(host, self._clock.now()):
            return False
        self._note(host, details)
        if host not in self._present:
            await self._wait_for_room()
            if host not in self._present:  # another network may have told of it meanwhile
                self._present[host] = (scanner.network.name,)
                self._tell(PeerJoined(self.swarm, self._peer(host)))
        return True

    def _note(self, host: KnownHost, details: Details) -> None:
        if details != NO_DETAILS:
            self._details[host] = details

    async def _tell_who_left(self, hosts: Iterable[KnownHost]) -> None:
        for host in hosts:
            if host not in self._present or not self._has_left(host):
                continue
            await self._wait_for_room()
            if host in self._present and self._has_left(host):
                peer = self._peer(host)
                del self._present[host]
                self._details.pop(host, None)
                for scanner in self._scanners.values():
                    scanner.by_host.pop(host, None)
                self._tell(PeerLeft(self.swarm, peer))

    def _has_left(self, host: KnownHost) -> bool:
        return sights.has_left(host, self._scanners.values(), self._clock.now())

    def _peer(self, host: KnownHost) -> Peer:
        now = self._clock.now()
        sources = tuple(name for name, one in self._scanners.items() if one.tells_of(host, now))
        if sources:
            self._present[host] = sources
        return Peer(host.host, host.port, self._present[host], *self._details.get(host, NO_DETAILS))

    def _tell(self, event: Event) -> None:
        self._events.append(event)
        self._arrived.notify()

    async def _wait_for_room(self) -> None:
        while len(self._events) >= MAX_EVENTS:
            await self._room.wait()

    def _per_network(self, values: dict[str, T]) -> PerNetwork[T]:
        return PerNetwork(values, {name: one.network.backend_name for name, one in self._scanners.items()})
