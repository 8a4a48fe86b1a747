"""The memory of who does not answer: small, bounded, and cheap to ask."""

from __future__ import annotations

from collections import OrderedDict

from ..settings import Settings
from ..wire.compact import Address


class DeadContacts:
    """Addresses that left several queries in a row unanswered, and are left alone for a while.

    Live nodes hand dead ones out for many minutes; each lookup would wait for them anew.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._entries: OrderedDict[Address, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def failed(self, address: Address, now: float) -> None:
        """A query to `address` was not answered."""
        failures, _ = self._entries.pop(address, (0, now))
        self._entries[address] = (failures + 1, now + self._settings.dead_for)
        if len(self._entries) > self._settings.max_dead:
            self._entries.popitem(last=False)

    def alive(self, address: Address) -> None:
        """Something was heard from `address`."""
        if self._entries:
            self._entries.pop(address, None)

    def contains(self, address: Address, now: float) -> bool:
        """Whether `address` had better not be asked."""
        entry = self._entries.get(address)
        if entry is None:
            return False
        failures, until = entry
        if until <= now:
            del self._entries[address]
            return False
        return failures >= self._settings.dead_after

    def clear(self) -> None:
        """Forget all: it was us who were offline."""
        self._entries.clear()
