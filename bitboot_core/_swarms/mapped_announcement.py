"""`announce(..., map_port=True)`: the router is asked to open the port, and its outside end is announced."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from .._networks.network import ActiveNetwork
from ..backend import Scope
from ..errors import NotRunning
from ..model import KnownHost
from .announcement import Announcement
from .keys import SwarmName
from .ports.mapping import PortMapping
from .use import Context


class MappedAnnouncement(Announcement):
    """An Announcement with a PortMapping, which begins and ends with it.

    Each attempt waits until the port is open, or was asked for once; where it is not, its own port is
    announced.
    """

    def __init__(
        self,
        context: Context,
        swarms: Sequence[SwarmName],
        endpoint: KnownHost,
        mapping: PortMapping,
        **options: Any,
    ) -> None:
        """`options`: those of an Announcement."""
        super().__init__(context, swarms, endpoint, **options)
        self.mapping: PortMapping = mapping

    def open(self) -> None:
        super().open()
        self.mapping.open()
        self._tasks.start(self._follow())

    # Inside

    async def _prepare(self, network: ActiveNetwork) -> None:
        if not _is_inside(network):
            with suppress(NotRunning):  # it is being closed, and so are we
                await self.mapping.settled()

    def _at_present(self, network: ActiveNetwork) -> KnownHost:
        external = self.mapping.external
        if external is None or _is_inside(network):
            return self.endpoint
        return replace(self.endpoint, port=external.port)

    async def _follow(self) -> None:
        """Have everybody look whether the outside port has changed, whenever it may have."""
        while self.mapping.is_open:
            await self.mapping.changed()
            for record in self._all_records():
                record.network.news.notify()

    async def _clean_up(self) -> None:
        closing = self.mapping.end()
        await super()._clean_up()
        if closing is not None:
            await asyncio.wait({closing})


def _is_inside(network: ActiveNetwork) -> bool:
    """Whether its peers are behind the same router, so that the port is the program's own."""
    capabilities = network.capabilities
    return capabilities is not None and capabilities.scope is Scope.LAN
