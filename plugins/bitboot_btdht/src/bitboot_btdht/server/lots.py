"""Drawing some of many by chance, in the time that these few take."""

from __future__ import annotations

import random

from ..wire.compact import Address


class Lots:
    """Addresses that come and go, each of them once."""

    __slots__ = ("_addresses", "_places")

    def __init__(self) -> None:
        self._addresses: list[Address] = []
        self._places: dict[Address, int] = {}

    def __len__(self) -> int:
        return len(self._addresses)

    def add(self, address: Address) -> None:
        """It is among them from now on."""
        if address not in self._places:
            self._places[address] = len(self._addresses)
            self._addresses.append(address)

    def discard(self, address: Address) -> None:
        """It is no more; the last one takes its place."""
        place = self._places.pop(address, None)
        if place is not None:
            last = self._addresses.pop()
            if last != address:
                self._addresses[place] = last
                self._places[last] = place

    def draw(self, count: int, rng: random.Random) -> list[Address]:
        """So many of them by chance, all where there are no more."""
        if count >= len(self._addresses):
            return list(self._addresses)
        return rng.sample(self._addresses, count)
