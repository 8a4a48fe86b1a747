"""A swarm that one is in oneself: announced and watched."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from .._networks.per_network import PerNetwork
from ..errors import BitBootError
from ..model import Peer
from .announcement import Announcement
from .records import AnnouncementStatus
from .watch import Event, Watch

__all__ = ["Swarm"]


class Swarm:
    """An Announcement and a Watch of one swarm, begun and closed together. Made by `BitBoot.join`.

        async with bitboot.join("unique_network", port=6881) as swarm:
            async for event in swarm:
                ...

    One's own announcement is among the peers, as the others see it: at which address that is, only
    the network knows. `announcement` and `watch` are the two parts, for all that they offer.
    """

    def __init__(self, announcement: Announcement, watch: Watch) -> None:
        self.announcement: Announcement = announcement
        self.watch: Watch = watch

    def __repr__(self) -> str:
        return f"<Swarm {self.watch.swarm}: {self.announcement!r}, {self.watch!r}>"

    async def __aenter__(self) -> Self:
        self.announcement.open()
        try:
            self.watch.open()
        except BaseException:
            await self.announcement.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop scanning, stop renewing and withdraw. May be called twice."""
        endings = [one.end() for one in (self.watch, self.announcement)]
        await asyncio.gather(*(asyncio.shield(ending) for ending in endings if ending is not None))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        return await anext(self.watch)

    async def announced(self, timeout: float | None = None) -> None:
        """`Announcement.announced`: wait until one is stored somewhere, or raise why not."""
        await self.announcement.announced(timeout)

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
