"""A swarm that one is in oneself: announced and watched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .._networks.per_network import PerNetwork
from .._settings import seconds
from ..errors import BitBootError, UnsupportedOperation
from ..model import Peer
from .announcement import Announcement
from .records import AnnouncementStatus
from .watch import Event, Watch

if TYPE_CHECKING:
    from .items.endpoints import PublishedEndpoints
    from .items.publication import Publication
    from .private.membership import Membership
    from .private.message import Message

__all__ = ["Swarm"]


class Swarm:
    """An Announcement and a Watch of one swarm, begun and closed together. Made by `BitBoot.join`.

        async with bitboot.join("unique_network", port=6881) as swarm:
            async for event in swarm:
                ...

    One's own announcement is among the peers, as the others see it: at which address that is, only
    the network knows. `announcement` and `watch` are the two parts, for all that they offer.

    One that is private (`secret=`) tells of proved members alone, and members can send each other
    messages: `send`, `messages`, `admit`. Elsewhere these raise UnsupportedOperation.
    """

    def __init__(
        self,
        announcement: Announcement,
        watch: Watch,
        membership: Membership | None = None,
        published: PublishedEndpoints | None = None,
    ) -> None:
        self.announcement: Announcement = announcement
        self.watch: Watch = watch
        self._membership = membership
        self._published = published

    def __repr__(self) -> str:
        return f"<Swarm {self.watch.swarm}: {self.announcement!r}, {self.watch!r}>"

    async def __aenter__(self) -> Self:
        self.announcement.open()
        try:
            self.watch.open()
            self.watch.scan_once_stored(self.announcement)
            if self._published is not None:
                self._published.open()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop scanning, stop renewing and withdraw. May be called twice."""
        parts = [self.watch, self.announcement, *([self._published] if self._published is not None else [])]
        endings = [one.end() for one in parts]
        await asyncio.gather(*(asyncio.shield(ending) for ending in endings if ending is not None))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        return await anext(self.watch)

    async def announced(self, timeout: float | None = None) -> None:
        """`Announcement.announced`: wait until one is stored somewhere, or raise why not."""
        await self.announcement.announced(timeout)

    @property
    def publication(self) -> Publication | None:
        """The endpoints that `publish=` keeps under one's key; None until these are known."""
        return None if self._published is None else self._published.publication

    async def send(self, member: bytes, data: bytes, *, timeout: float = 10.0) -> None:
        """Send a message of at most 900 bytes to a member, by its public key: `Peer.member`.

        It is sealed so that only the member reads it, repeated until the member's program has it, and
        delivered at most once, in no order. For signalling: open a connection of your own for more.
        `timeout`: in seconds. Raises BackendTimeout where it was not acknowledged in time, NotRunning for a
        member that is not known (any more), InvalidConfig for what is too long, UnsupportedOperation.
        """
        await self._private.send(member, data, seconds("timeout", timeout))

    def messages(self) -> AsyncIterator[Message]:
        """The messages from members, as they come: `async for message in swarm.messages()`.

        At most 256 wait to be read; whoever sends more is told nothing, and tries again. It ends when the
        swarm is closed. Raises UnsupportedOperation.
        """
        return self._private.messages()

    @property
    def admit(self) -> Callable[[bytes], bool] | None:
        """Whom to admit, of those who know the secret: a function of a member's public key; None: all.

            swarm.admit = lambda member: member in friends

        Others are not found, and get no message through. Set it before the swarm is begun.
        """
        return self._private.admit

    @admit.setter
    def admit(self, value: Callable[[bytes], bool] | None) -> None:
        self._private.admit = value

    @property
    def _private(self) -> Membership:
        if self._membership is None:
            raise UnsupportedOperation("this swarm is not private", hint="join it with secret=")
        return self._membership

    @property
    def status(self) -> PerNetwork[AnnouncementStatus]:
        """`Announcement.status`: how one's own announcement stands on each network."""
        return self.announcement.status

    @property
    def peers(self) -> list[Peer]:
        """`Watch.peers`: who is there at the moment."""
        return self.watch.peers

    @property
    def failures(self) -> PerNetwork[BitBootError]:
        """`Watch.failures`: why the last scan failed, by network: only where it did."""
        return self.watch.failures
