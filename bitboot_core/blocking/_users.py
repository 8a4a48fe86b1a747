"""What `with` begins and ends: announcements, lookups, watches, swarms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, Protocol, Self, TypeVar

from .._networks.per_network import PerNetwork
from .._swarms import announcement as _announcement
from .._swarms import lookup as _lookup
from .._swarms import swarm as _swarm
from .._swarms import watch as _watch
from .._swarms.keys import SwarmName
from .._swarms.ports import mapping as _port_mapping
from .._swarms.private.message import Message
from .._swarms.records import AnnouncementStatus
from ..errors import BitBootError
from ..model import KnownHost, Peer
from ._loop import LoopThread
from ._publication import Publication
from ._used import Closable, Used

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Readable(Closable, Protocol[T_co]):
    async def __anext__(self) -> T_co: ...

    @property
    def peers(self) -> list[Peer]: ...

    @property
    def failures(self) -> PerNetwork[BitBootError]: ...


class _Stream(Used[_Readable[T]], Generic[T]):
    """What is read with `for`: a Lookup, a Watch, a Swarm."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        async def step() -> T:
            return await self._inner.__anext__()

        try:
            return self._loop.call(step)
        except StopAsyncIteration:
            raise StopIteration from None

    @property
    def peers(self) -> list[Peer]:
        """The peers known at the moment."""
        return self._loop.ask(lambda: self._inner.peers)

    @property
    def failures(self) -> PerNetwork[BitBootError]:
        """What went wrong, by network: only those that failed."""
        return self._loop.ask(lambda: self._inner.failures)


class PortMapping(Used[_port_mapping.PortMapping]):
    """`bitboot_core.PortMapping`. It is renewed in the background until it is closed."""

    def open_again(self) -> None:
        """Have it deleted and added."""
        self._loop.ask(self._inner.open_again)

    def mapped(self, timeout: float | None = None) -> KnownHost:
        """Wait until it is open, and return where, or raise why not."""
        return self._loop.call(lambda: self._inner.mapped(timeout))

    def settled(self) -> None:
        """Wait until it is open, or has been tried in every IP version."""
        self._loop.call(self._inner.settled)

    def changed(self) -> None:
        """Wait until an attempt has ended, well or not."""
        self._loop.call(self._inner.changed)

    @property
    def external(self) -> KnownHost | None:
        """Where others reach the port; None while it is not open."""
        return self._loop.ask(lambda: self._inner.external)

    @property
    def externals(self) -> Mapping[int, KnownHost]:
        """The same, by IP version."""
        return self._loop.ask(lambda: self._inner.externals)

    @property
    def leading_out(self) -> Mapping[int, KnownHost]:
        """Those of `externals` that lead to the internet."""
        return self._loop.ask(lambda: self._inner.leading_out)

    @property
    def method(self) -> str | None:
        """The port mapper that opened it."""
        return self._loop.ask(lambda: self._inner.method)

    @property
    def expires_in(self) -> float | None:
        """Seconds until the router closes it unless it is renewed."""
        return self._loop.ask(lambda: self._inner.expires_in)

    @property
    def error(self) -> BitBootError | None:
        """Why it is not open, or does not lead to the internet."""
        return self._loop.ask(lambda: self._inner.error)


class Announcement(Used[_announcement.Announcement]):
    """`bitboot_core.Announcement`. It renews itself in the background until it is closed."""

    @property
    def mapping(self) -> PortMapping | None:
        """The port that the router is asked to open for it, with `map_port=True`."""
        mapping = self._inner.mapping
        return None if mapping is None else PortMapping(mapping, self._loop)

    def announced(self, timeout: float | None = None) -> None:
        """Wait until every swarm is stored on at least one node, or raise why not."""
        self._loop.call(lambda: self._inner.announced(timeout))

    def changed(self) -> None:
        """Wait until an attempt on one of the networks has ended, well or not."""
        self._loop.call(self._inner.changed)

    @property
    def status(self) -> PerNetwork[AnnouncementStatus]:
        """How it stands on each network."""
        return self._loop.ask(lambda: self._inner.status)

    def status_of(self, swarm: SwarmName) -> PerNetwork[AnnouncementStatus]:
        """How one of its swarms stands on each network."""
        return self._loop.ask(lambda: self._inner.status_of(swarm))


class Lookup(_Stream[Peer]):
    """`bitboot_core.Lookup`: iterate over it for the peers as they arrive."""

    def __init__(self, inner: _lookup.Lookup, loop: LoopThread) -> None:
        super().__init__(inner, loop)
        self._lookup = inner

    @property
    def unproved(self) -> int:
        """How many were found who did not prove to be members; 0 where the swarm is not private."""
        return self._loop.ask(lambda: self._lookup.unproved)

    def collect(self) -> list[Peer]:
        """Read to the end, and return all peers found since the beginning."""
        return self._loop.call(self._lookup.collect)


class Watch(_Stream[_watch.Event]):
    """`bitboot_core.Watch`: iterate over it for who joins and who leaves."""

    def __init__(self, inner: _watch.Watch, loop: LoopThread) -> None:
        super().__init__(inner, loop)
        self._watch = inner

    def scanned(self) -> None:
        """Wait until a scan of one of the networks has ended, well or not."""
        self._loop.call(self._watch.scanned)

    def scan_soon(self) -> None:
        """Scan all networks now and not when it is their turn: for whoever knows of a newcomer."""
        self._loop.ask(self._watch.scan_soon)

    @property
    def scans(self) -> PerNetwork[int]:
        """How many scans of each network have ended, well or not."""
        return self._loop.ask(lambda: self._watch.scans)


class Swarm(_Stream[_watch.Event]):
    """`bitboot_core.Swarm`: announced and watched. Iterate over it as over a Watch."""

    def __init__(self, inner: _swarm.Swarm, loop: LoopThread) -> None:
        super().__init__(inner, loop)
        self._swarm = inner

    def announced(self, timeout: float | None = None) -> None:
        """Wait until it is stored on at least one node, or raise why not."""
        self._loop.call(lambda: self._swarm.announced(timeout))

    @property
    def publication(self) -> Publication | None:
        """The endpoints that `publish=` keeps under one's key; None until these are known."""
        inner = self._loop.ask(lambda: self._swarm.publication)
        return None if inner is None else Publication(inner, self._loop)

    def send(self, member: bytes, data: bytes, *, timeout: float = 10.0) -> None:
        """Send a message of at most 900 bytes to a member, and return once it was acknowledged."""
        self._loop.call(lambda: self._swarm.send(member, data, timeout=timeout))

    def messages(self) -> Iterator[Message]:
        """The messages from members, as they come, until the swarm is closed."""
        messages = self._loop.ask(self._swarm.messages)

        async def step() -> Message:
            return await anext(messages)

        return _until_stopped(lambda: self._loop.call(step))

    @property
    def admit(self) -> Callable[[bytes], bool] | None:
        """Whom to admit, of those who know the secret; called in the thread of the BitBoot."""
        return self._loop.ask(lambda: self._swarm.admit)

    @admit.setter
    def admit(self, value: Callable[[bytes], bool] | None) -> None:
        self._loop.ask(lambda: setattr(self._swarm, "admit", value))

    @property
    def announcement(self) -> Announcement:
        """The announcement, which ends with the swarm."""
        return Announcement(self._swarm.announcement, self._loop)

    @property
    def watch(self) -> Watch:
        """The watch, which ends with the swarm."""
        return Watch(self._swarm.watch, self._loop)

    @property
    def status(self) -> PerNetwork[AnnouncementStatus]:
        """How the announcement stands on each network."""
        return self._loop.ask(lambda: self._swarm.status)


def _until_stopped(step: Callable[[], T]) -> Iterator[T]:
    """What one step after the other gives, until one raises StopAsyncIteration."""
    while True:
        try:
            item = step()
        except StopAsyncIteration:
            return
        yield item
