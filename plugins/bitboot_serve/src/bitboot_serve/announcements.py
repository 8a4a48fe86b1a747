"""Announcements for clients: each belongs to a client's lease, and goes with it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from bitboot_core import Announcement, SwarmKey
from bitboot_core.aio.clock import Timer
from bitboot_core.aio.tasks import Tasks

from .problems import NotFound, TooMany
from .records import Json, standing_records, swarm_record
from .shared import Shared
from .wishes import AnnouncementWish, SwarmWish

Changed = Callable[[Announcement], None]
"""Told of an announcement of which an attempt has ended."""

Stored = Callable[[SwarmWish], None]
"""Told of a swarm in which an announcement was stored that had not been there before."""


@dataclass(eq=False)
class Lease:
    """An announcement, and until when it is kept: `seconds` and `lapses` are None where a connection does."""

    identifier: str
    swarm: str | SwarmKey
    is_private: bool
    announcement: Announcement
    seconds: float | None
    lapses: float | None
    timer: Timer | None = None


class Announcements:
    """All announcements that are kept for clients."""

    def __init__(self, shared: Shared, changed: Changed, stored: Stored) -> None:
        self._shared, self._changed, self._stored = shared, changed, stored
        self._tasks = Tasks(shared.clock)
        self._leases: dict[str, Lease] = {}

    def __len__(self) -> int:
        return len(self._leases)

    def leases(self) -> list[Lease]:
        """All of them, the oldest first."""
        return list(self._leases.values())

    async def begin(self, wish: AnnouncementWish) -> Lease:
        """Announce until the lease lapses. Raises TooMany, NotFound, and what `BitBoot.announce` does."""
        lease = await self._begin(wish, wish.lease)
        self._look_again(lease)
        return lease

    async def keep(self, wish: AnnouncementWish) -> AsyncGenerator[Json, None]:
        """Announce for as long as this is iterated: gives how it stands, at first and after each attempt."""
        lease = await self._begin(wish, None)
        try:
            while lease.announcement.is_open:
                yield self.record(lease)
                if lease.announcement.is_open:
                    await lease.announcement.changed()
        finally:
            self._end(lease)

    def renew(self, identifier: str) -> Lease:
        """Keep it for another lease, from now on. Raises NotFound where it has expired."""
        lease = self.named(identifier)
        if lease.seconds is not None:
            lease.lapses = self._shared.clock.now() + lease.seconds
        return lease

    async def withdraw(self, identifier: str) -> None:
        """Announce it no more. Raises NotFound."""
        lease = self.named(identifier)
        self._end(lease)
        await lease.announcement.aclose()

    def named(self, identifier: str) -> Lease:
        """The lease with that id. Raises NotFound."""
        lease = self._leases.get(identifier)
        if lease is None:
            raise NotFound(
                f"there is no announcement {identifier!r:.60}",
                hint="it has expired or was withdrawn: announce again",
            )
        return lease

    def close(self) -> None:
        """Withdraw all."""
        for lease in self.leases():
            self._end(lease)

    def record(self, lease: Lease) -> Json:
        """How it stands; times in seconds from now."""
        now, endpoint = self._shared.clock.now(), lease.announcement.endpoint
        return {
            "id": lease.identifier,
            **swarm_record(lease.swarm),
            "private": lease.is_private,
            "host": endpoint.host,
            "port": endpoint.port,
            "lease": lease.seconds,
            "lapses_in": None if lease.lapses is None else round(max(0.0, lease.lapses - now), 3),
            "networks": standing_records(lease.announcement),
        }

    async def _begin(self, wish: AnnouncementWish, seconds: float | None) -> Lease:
        secret = await self._shared.secret(wish.secret)
        most = self._shared.limits.announcements
        if len(self._leases) >= most:
            raise TooMany(f"{most} announcements are kept", hint="withdraw those that are not needed")
        bitboot = self._shared.bitboot
        announcement = bitboot.announce(
            wish.swarm, wish.endpoint, lifetime=bitboot.config.lifetime, secret=secret, data=wish.data
        )
        announcement.open()
        lapses = None if seconds is None else self._shared.clock.now() + seconds
        lease = Lease(secrets.token_hex(8), wish.swarm, secret is not None, announcement, seconds, lapses)
        self._leases[lease.identifier] = lease
        self._tasks.start(self._follow(wish, announcement))
        return lease

    def _end(self, lease: Lease) -> None:
        """Begin to withdraw it: that goes on to its end by itself, whoever is cancelled."""
        self._leases.pop(lease.identifier, None)
        if lease.timer is not None:  # nothing is left of it, however many are withdrawn early
            lease.timer.cancel()
            lease.timer = None
        lease.announcement.end()

    def _look_again(self, lease: Lease) -> None:
        """End it if its lease is over, else look again when it will be: it may have been renewed by then."""
        if lease.lapses is None:
            return
        if lease.lapses <= self._shared.clock.now():
            self._end(lease)
        else:
            lease.timer = self._shared.clock.call_at(lease.lapses, lambda: self._look_again(lease))

    async def _follow(self, wish: SwarmWish, announcement: Announcement) -> None:
        known: set[str] = set()
        while announcement.is_open:
            await announcement.changed()
            self._changed(announcement)
            stored = {name for name, status in announcement.status.items() if status.successes}
            if stored - known:
                known |= stored
                self._stored(wish)
