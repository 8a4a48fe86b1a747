"""Contacts of former times: those who do not answer now, and may be back one day.

A node that forgot whoever failed could never find its way back once a network has been split, or
when it came back before the others did. So those who leave the routing table, and contacts that a
bootstrap had in vain, are tried again, ever more rarely.
"""

from __future__ import annotations

from collections import OrderedDict

from ..wire.compact import Address

FIRST_RETRY = 60.0
LONGEST_RETRY = 1800.0
MAX_FORMER = 64
"""Addresses kept in mind: the latest."""

PER_ROUND = 16
"""At most so many are tried in one round of upkeep."""


class Former:
    """Addresses to be tried again: after one minute, then two, four, and so on up to half an hour."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Address, tuple[float, float]] = OrderedDict()  # due when, after what pause
        self._lost_at: dict[Address, float] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, address: Address, now: float) -> None:
        """Somebody has been lost. Nothing changes where that is known already."""
        if address not in self._entries:
            self._entries[address] = (now + FIRST_RETRY, FIRST_RETRY)
            self._lost_at[address] = now
            if len(self._entries) > MAX_FORMER:
                del self._lost_at[self._entries.popitem(last=False)[0]]

    def back(self, address: Address, now: float) -> float:
        """Somebody has answered. For how many seconds it was lost; 0 where it was not."""
        self._entries.pop(address, None)
        return now - self._lost_at.pop(address, now)

    def due(self, now: float) -> list[Address]:
        """Whom to try now, and not again before twice the time has passed."""
        due = [address for address, (when, _) in self._entries.items() if when <= now][:PER_ROUND]
        for address in due:
            pause = min(2 * self._entries[address][1], LONGEST_RETRY)
            self._entries[address] = (now + pause, pause)
        return due
