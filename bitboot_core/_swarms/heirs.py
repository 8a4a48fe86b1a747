"""Who else announces the same: where one of two announcements ends, the other withdraws what both stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from .keys import SwarmName, swarm_key

if TYPE_CHECKING:
    from ..model import KnownHost
    from .records import Record

RecordsAt: TypeAlias = "Callable[[int], Iterable[Record]]"
"""How one swarm of an announcement stands, by its place among them: on every network, under every key."""


class Heirs:
    """The open announcements of one BitBoot, by what they announce: there may be thousands."""

    def __init__(self) -> None:
        self._by_swarm: dict[tuple[KnownHost, bytes], dict[tuple[RecordsAt, int], None]] = {}

    def add(self, endpoint: KnownHost, swarms: Sequence[SwarmName], records_at: RecordsAt) -> None:
        """An announcement of this endpoint in these swarms is open."""
        for index, swarm in enumerate(swarms):
            same = self._by_swarm.setdefault((endpoint, swarm_key(swarm)), {})
            same[records_at, index] = None

    def remove(self, endpoint: KnownHost, swarms: Sequence[SwarmName], records_at: RecordsAt) -> None:
        """It is open no more."""
        for index, swarm in enumerate(swarms):
            place = endpoint, swarm_key(swarm)
            same = self._by_swarm.get(place, {})
            same.pop((records_at, index), None)
            if not same:
                self._by_swarm.pop(place, None)

    def of(self, record: Record, endpoint: KnownHost) -> Record | None:
        """Another's record of the same, on the same network under the same key, if there is one."""
        for records_at, index in self._by_swarm.get((endpoint, swarm_key(record.swarm)), ()):
            for other in records_at(index):
                if other.network is record.network and other.key == record.key:
                    return other
        return None
