"""Watches for clients: each swarm is watched once, however many read of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bitboot_core import KnownHost, Peer, PeerJoined, SwarmKey, Watch, swarm_key
from bitboot_core.aio.clock import Timer
from bitboot_core.aio.tasks import Tasks

from .limits import LINGER, PING
from .problems import TooMany, error_record
from .records import Json, peer_record
from .rings import Ring
from .shared import Shared
from .wishes import SwarmWish

Told = tuple[str, Json, str | None]
"""An event for a client: its kind, its record, and its id where a client can go on after it."""

STILL_HERE: Told = ("ping", {}, None)


@dataclass(eq=False)
class Watched:
    """A swarm that is watched."""

    swarm: str | SwarmKey
    is_private: bool
    watch: Watch
    ring: Ring
    present: dict[KnownHost, Json] = field(default_factory=dict)
    failures: Json = field(default_factory=dict)
    readers: int = 0
    timer: Timer | None = None


class Watches:
    """All swarms that are watched, and who reads of them."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._tasks = Tasks(shared.clock)
        self._watched: dict[tuple[str | SwarmKey, str | None], Watched] = {}
        self._all = Ring(shared.limits.events)
        self.readers: int = 0

    def watched(self) -> list[Watched]:
        """The swarms that are watched now."""
        return list(self._watched.values())

    async def read(self, wish: SwarmWish | None, last_id: str | None) -> AsyncGenerator[Told, None]:
        """Who joins a swarm and who leaves it, or without a wish all swarms that are watched.

        At first who is there (`peer-joined`), then `present`, which has the first id. With the id of an
        event that is still kept: what has happened since. With another: `reset` before all that. It ends with
        the daemon, and for a reader that is too far behind. Raises TooMany, NotFound and InvalidConfig.
        """
        with self._counted():
            if wish is None:
                async for told in self._follow(self._all, self.watched, last_id):
                    yield told
                return
            one = await self._open(wish)
            try:
                async for told in self._follow(one.ring, lambda: [one], last_id):
                    yield told
            finally:
                self._leave(one, wish)

    def look_again(self, wish: SwarmWish) -> None:
        """Look now for who is in a swarm, if it is watched: somebody has announced himself through us."""
        for one in self._watches_of(wish):
            one.watch.scan_soon()

    def look_for(self, wish: SwarmWish, peers: Sequence[Peer]) -> None:
        """The same where a lookup has found peers of whom the watch does not know."""
        for one in self._watches_of(wish):
            if any(peer.endpoint not in one.present for peer in peers):
                one.watch.scan_soon()

    def close(self) -> None:
        """Watch nothing any more."""
        for wish, one in list(self._watched.items()):
            self._end(wish, one)
        self._all.close()

    # Reading

    @contextmanager
    def _counted(self) -> Iterator[None]:
        most = self._shared.limits.watches
        if self.readers >= most:
            raise TooMany(f"{most} watches are open", hint="close those that are not read")
        self.readers += 1
        try:
            yield
        finally:
            self.readers -= 1

    async def _follow(self, ring: Ring, watched: Any, last_id: str | None) -> AsyncGenerator[Told, None]:
        number = None if last_id is None else ring.number_of(last_id)
        if number is None:
            number = ring.last
            start: list[Told] = [] if last_id is None else [("reset", {}, None)]
            swarms = watched()
            for one in swarms:
                start += [("peer-joined", record, None) for record in one.present.values()]
                if one.failures:
                    start.append(("failing", _failing(one), None))
            start.append(("present", {"peers": sum(len(one.present) for one in swarms)}, ring.id_of(number)))
            for told in start:
                yield told
        while ring.has(number):  # else the reader is too far behind
            for kept in ring.after(number):
                number = kept.number
                yield kept.kind, kept.record, ring.id_of(number)
            if ring.closed:
                return
            if number == ring.last:
                try:
                    async with asyncio.timeout(PING):
                        await ring.changed()
                except TimeoutError:
                    yield STILL_HERE

    async def _open(self, wish: SwarmWish) -> Watched:
        """The swarm, watched from now on if it was not; a reader more of it."""
        key = wish.swarm, wish.secret
        secret = None if key in self._watched else await self._shared.secret(wish.secret)
        one = self._watched.get(key)
        if one is None:
            self._make_room()
            watch = self._shared.bitboot.watch(wish.swarm, secret=secret)
            watch.open()
            one = Watched(wish.swarm, wish.secret is not None, watch, Ring(self._shared.limits.events))
            self._watched[key] = one
            self._tasks.start(self._take(one))
            self._tasks.start(self._note_failures(one))
        one.readers += 1
        if one.timer is not None:
            one.timer.cancel()
            one.timer = None
        return one

    def _leave(self, one: Watched, wish: SwarmWish) -> None:
        """A reader less. The last one may come back, so it is watched on for a while."""
        one.readers -= 1
        if one.readers == 0 and not one.ring.closed:
            key = wish.swarm, wish.secret
            due = self._shared.clock.now() + LINGER
            one.timer = self._shared.clock.call_at(due, lambda: self._end(key, one))

    def _make_room(self) -> None:
        most = self._shared.limits.swarms
        if len(self._watched) < most:
            return
        idle = next(((key, one) for key, one in self._watched.items() if one.readers == 0), None)
        if idle is None:
            raise TooMany(f"{most} swarms are watched", hint="close watches that are not read")
        self._end(*idle)

    # Watching

    def _watches_of(self, wish: SwarmWish) -> list[Watched]:
        """Those of a swarm, by whichever of its names it is watched."""
        key = swarm_key(wish.swarm)
        return [
            one
            for (swarm, secret), one in self._watched.items()
            if secret == wish.secret and swarm_key(swarm) == key and one.watch.is_open
        ]

    def _end(self, key: tuple[str | SwarmKey, str | None], one: Watched) -> None:
        if self._watched.get(key) is one:
            del self._watched[key]
        if one.timer is not None:
            one.timer.cancel()
        one.ring.close()
        one.watch.end()

    async def _take(self, one: Watched) -> None:
        async for event in one.watch:
            record = peer_record(one.swarm, event.peer)
            if isinstance(event, PeerJoined):
                one.present[event.peer.endpoint] = record
                self._tell(one, "peer-joined", record)
            else:
                one.present.pop(event.peer.endpoint, None)
                self._tell(one, "peer-left", record)

    async def _note_failures(self, one: Watched) -> None:
        while one.watch.is_open:
            await one.watch.scanned()
            failures = {name: error_record(error) for name, error in one.watch.failures.items()}
            if failures != one.failures and one.watch.is_open:
                one.failures = failures
                self._tell(one, "failing", _failing(one))

    def _tell(self, one: Watched, kind: str, record: Json) -> None:
        one.ring.append(kind, record)
        self._all.append(kind, record)


def _failing(one: Watched) -> Json:
    """Which networks could not be asked at last, and why: who is there may have left, or others come."""
    return {"swarm": str(one.swarm), "failures": one.failures}
