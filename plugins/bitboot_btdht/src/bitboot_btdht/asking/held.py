"""Queries that wait since their node has had its share of messages (`Window`): the first begun go first.

When a node may be sent one more, one is taken: of thousands that wait for it, the others are not touched.
"""

from __future__ import annotations

import heapq
import math
from itertools import count
from typing import Generic, TypeVar

from ..wire.compact import Address
from .window import Kind, Window

Query = TypeVar("Query")


class Held(Generic[Query]):
    """All that wait at one node of ours, by whom they are for. `window`: None: nobody has a share."""

    def __init__(self, window: Window | None) -> None:
        self._window = window
        self._by_address: dict[Address, list[tuple[int, int, Query]]] = {}  # heaps
        # Each of these addresses is either awaited until then, or ready.
        self._awaited: list[tuple[float, int, Address]] = []
        self._ready: list[Address] = []  # mostly empty, and a deque takes 0.7 KiB then
        self._order = count()
        self.count: int = 0
        """How many there are."""

    def __contains__(self, address: Address) -> bool:
        """Whether some wait for that address."""
        return address in self._by_address

    def add(self, query: Query, address: Address, turn: int, now: float) -> None:
        """One more has to wait. Of those for one address the lowest `turn` comes first."""
        waiting = self._by_address.get(address)
        if waiting is None:
            waiting = self._by_address[address] = []
            self._await(address, now)
        heapq.heappush(waiting, (turn, next(self._order), query))
        self.count += 1

    def deadline(self) -> float:
        """When `look` has something to do; infinite where nothing waits."""
        return self._awaited[0][0] if self._awaited else math.inf

    def look(self, now: float) -> None:
        """See for whom the wait is over."""
        while self._awaited and self._awaited[0][0] <= now:
            self._ready.append(heapq.heappop(self._awaited)[2])

    def next(self, now: float) -> Query | None:
        """One that may be sent now, if there is any. It waits no more."""
        while self._ready:
            address = self._ready[0]
            if self._window is not None and self._window.free_at(address, Kind.QUERY, now) > now:
                self._ready.pop(0)
                self._await(address, now)
                continue
            waiting = self._by_address[address]
            query = heapq.heappop(waiting)[2]
            self.count -= 1
            if not waiting:
                del self._by_address[address]
                self._ready.pop(0)
            return query
        return None

    def _await(self, address: Address, now: float) -> None:
        free_at = now if self._window is None else self._window.free_at(address, Kind.QUERY, now)
        heapq.heappush(self._awaited, (free_at, next(self._order), address))
