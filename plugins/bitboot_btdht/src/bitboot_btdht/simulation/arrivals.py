"""The datagrams under way, by when they arrive."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from typing import Final, TypeAlias

from ..wire.compact import Address

SLICE: Final = 0.004
"""Seconds. Of the datagrams under way those that arrive within the same slice are sorted, and when it comes:
one heap of all is deep, and its items are far apart in memory."""

Arrival: TypeAlias = tuple[float, int, Address, bytes, Address]
"""When, a number that grows with each, and the target, the datagram and the source."""


class Arrivals:
    """Of those that arrive at the same time the first sent is the first."""

    def __init__(self) -> None:
        self._sent: int = 0
        self._soon: list[Arrival] = []  # of the slice that has come or comes next: the first is the last
        self._slice: int = -1
        self._later: dict[int, list[Arrival]] = {}  # by slice, in no order
        self._slices: list[int] = []  # a heap

    def add(self, when: float, target: Address, datagram: bytes, source: Address) -> None:
        """One has been sent."""
        self._sent += 1
        arrival = (when, self._sent, target, datagram, source)
        number = int(when / SLICE)
        if number <= self._slice:
            self._soon.insert(bisect_left(self._soon, -when, key=_from_the_end), arrival)
            return
        later = self._later.get(number)
        if later is None:
            self._later[number] = [arrival]
            heapq.heappush(self._slices, number)
        else:
            later.append(arrival)

    def next(self) -> float:
        """When the next one arrives; never, as a number, where there is none."""
        if not self._soon:
            if not self._slices:
                return math.inf
            self._slice = heapq.heappop(self._slices)
            self._soon = self._later.pop(self._slice)
            self._soon.sort(reverse=True)
        return self._soon[-1][0]

    def take(self) -> Arrival:
        """That one. IndexError unless `next` has said that there is one."""
        return self._soon.pop()


def _from_the_end(arrival: Arrival) -> float:
    return -arrival[0]
