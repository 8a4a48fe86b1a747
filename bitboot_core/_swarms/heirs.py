"""Who else announces the same: where one of two announcements ends, the other withdraws what both stored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from .keys import SwarmName, swarm_key

if TYPE_CHECKING:
    from ..model import KnownHost
    from .records import Record


class Announcer(Protocol):
    """An announcement of one endpoint in several swarms."""

    @property
    def swarms(self) -> Sequence[SwarmName]:
        """These."""

    @property
    def endpoint(self) -> KnownHost:
        """That."""

    def records_at(self, index: int) -> Iterable[Record]:
        """How one of its swarms stands, by its place among them: on every network, under every key."""


class Heirs:
    """The open announcements of one BitBoot, by what they announce: there may be thousands."""

    def __init__(self) -> None:
        self._by_swarm: dict[tuple[KnownHost, bytes], dict[tuple[Announcer, int], None]] = {}

    def add(self, announcer: Announcer) -> None:
        """It is open."""
        for index, swarm in enumerate(announcer.swarms):
            same = self._by_swarm.setdefault((announcer.endpoint, swarm_key(swarm)), {})
            same[announcer, index] = None

    def remove(self, announcer: Announcer) -> None:
        """It is open no more."""
        for index, swarm in enumerate(announcer.swarms):
            place = announcer.endpoint, swarm_key(swarm)
            same = self._by_swarm.get(place, {})
            same.pop((announcer, index), None)
            if not same:
                self._by_swarm.pop(place, None)

    def of(self, record: Record, endpoint: KnownHost) -> Record | None:
        """Another's record of the same, on the same network under the same key, if there is one."""
        for announcer, index in self._by_swarm.get((endpoint, swarm_key(record.swarm)), ()):
            for other in announcer.records_at(index):
                if other.network is record.network and other.key == record.key:
                    return other
        return None
