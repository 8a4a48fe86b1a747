"""What `with` begins and ends: announcements, lookups, watches, swarms."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from .._networks.per_network import PerNetwork
from .._swarms import announcement as _announcement
from .._swarms import lookup as _lookup
from .._swarms import swarm as _swarm
from .._swarms import watch as _watch
from .._swarms.keys import SwarmName
from .._swarms.records import AnnouncementStatus
from ..errors import BitBootError
from ..model import Peer
from ._loop import LoopThread

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Closable(Protocol):
    async def __aenter__(self) -> Any: ...

    async def aclose(self) -> None: ...


C = TypeVar("C", bound=_Closable)


class _Iterable(_Closable, Protocol[T_co]):
    async def __anext__(self) -> T_co: ...


class _Used(Generic[C]):
    """What `with` begins and ends: an Announcement, a Lookup, a Watch, a Swarm."""

    def __init__(self, inner: C, loop: LoopThread) -> None:
        self._inner, self._loop = inner, loop

    def __repr__(self) -> str:
        return f"<blocking {self._inner!r}>"

    def __enter__(self) -> Self:
        self._loop.call(self._inner.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it. `with` does this. May be called twice."""
        if self._loop.is_stopped:
            return  # the BitBoot has closed it
        self._loop.call(self._inner.aclose())


def _next(inner: _Iterable[T], loop: LoopThread) -> T:
    async def step() -> T:
        return await inner.__anext__()

    try:
        return loop.call(step())
    except StopAsyncIteration:
        raise StopIteration from None


class Announcement(_Used[_announcement.Announcement]):
    """`bitboot_core.Announcement`. It renews itself in the background until it is closed."""

    def announced(self, timeout: float | None = None) -> None:
        """Wait until every swarm is stored on at least one node, or raise why not."""
        self._loop.call(self._inner.announced(timeout))

    def changed(self) -> None:
        """Wait until an attempt on one of the networks has ended, well or not."""
        self._loop.call(self._inner.changed())

    @property
    def status(self) -> PerNetwork[AnnouncementStatus]:
        """How it stands on each network."""
        return self._loop.ask(lambda: self._inner.status)

    def status_of(self, swarm: SwarmName) -> PerNetwork[AnnouncementStatus]:
        """How one of its swarms stands on each network."""
        return self._loop.ask(lambda: self._inner.status_of(swarm))


class Lookup(_Used[_lookup.Lookup]):
    """`bitboot_core.Lookup`: iterate over it for the peers as they arrive."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Peer:
        return _next(self._inner, self._loop)

    def collect(self) -> list[Peer]:
        """Read to the end, and return all peers found since the beginning."""
        return self._loop.call(self._inner.collect())

    @property
    def peers(self) -> list[Peer]:
        """All peers found so far."""
        return self._loop.ask(lambda: self._inner.peers)

    @property
    def failures(self) -> PerNetwork[BitBootError]:
        """What went wrong, by network: only those that failed."""
        return self._loop.ask(lambda: self._inner.failures)


class Watch(_Used[_watch.Watch]):
    """`bitboot_core.Watch`: iterate over it for who joins and who leaves."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _watch.Event:
        return _next(self._inner, self._loop)

    def scanned(self) -> None:
        """Wait until a scan of one of the networks has ended, well or not."""
        self._loop.call(self._inner.scanned())

    @property
    def peers(self) -> list[Peer]:
        """Who is there at the moment."""
        return self._loop.ask(lambda: self._inner.peers)

    @property
    def scans(self) -> PerNetwork[int]:
        """How many scans of each network have ended, well or not."""
        return self._loop.ask(lambda: self._inner.scans)

    @property
    def failures(self) -> PerNetwork[BitBootError]:
        """Why the last scan failed, by network: only where it did."""
        return self._loop.ask(lambda: self._inner.failures)


class Swarm(_Used[_swarm.Swarm]):
    """`bitboot_core.Swarm`: announced and watched. Iterate over it as over a Watch."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> _watch.Event:
        return _next(self._inner, self._loop)

    def announced(self, timeout: float | None = None) -> None:
        """Wait until it is stored on at least one node, or raise why not."""
        self._loop.call(self._inner.announced(timeout))

    @property
    def announcement(self) -> Announcement:
        """The announcement, which ends with the swarm."""
        return Announcement(self._inner.announcement, self._loop)

    @property
    def watch(self) -> Watch:
        """The watch, which ends with the swarm."""
        return Watch(self._inner.watch, self._loop)

    @property
    def status(self) -> PerNetwork[AnnouncementStatus]:
        """How the announcement stands on each network."""
        return self._loop.ask(lambda: self._inner.status)

    @property
    def peers(self) -> list[Peer]:
        """Who is there at the moment."""
        return self._loop.ask(lambda: self._inner.peers)

    @property
    def failures(self) -> PerNetwork[BitBootError]:
        """Why the last scan failed, by network: only where it did."""
        return self._loop.ask(lambda: self._inner.failures)
