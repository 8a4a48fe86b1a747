"""A Publication, without asyncio."""

from __future__ import annotations

from .._networks.per_network import PerNetwork
from .._swarms.items import publication
from .._swarms.records import AnnouncementStatus
from ..items import Item
from ._used import Used


class Publication(Used[publication.Publication]):
    """`bitboot_core.Publication`. It puts its item again in the background until it is closed."""

    @property
    def item(self) -> Item:
        """The version that is published at the moment."""
        return self._loop.ask(lambda: self._inner.item)

    def update(self, value: bytes, *, cas: int | None = None) -> None:
        """Publish another value in its place, and wait until at least one node has stored that."""
        self._loop.call(lambda: self._inner.update(value, cas=cas))

    def published(self, timeout: float | None = None) -> None:
        """Wait until at least one node has stored the present version, or raise why not."""
        self._loop.call(lambda: self._inner.published(timeout))

    def changed(self) -> None:
        """Wait until an attempt on one of the networks has ended, well or not."""
        self._loop.call(self._inner.changed)

    @property
    def status(self) -> PerNetwork[AnnouncementStatus]:
        """How it stands on each network that keeps items."""
        return self._loop.ask(lambda: self._inner.status)

    def is_over(self, network: str) -> bool:
        """Whether it is not put on this network any more, unless it is updated."""
        return self._loop.ask(lambda: self._inner.is_over(network))
