"""Keeping a NAT's mapping open: whoever finds us announced can ask us only while the outside port stays ours.

Many NATs forget a mapping through which nothing has gone out for 30 seconds, though RFC 4787 asks for 2
minutes (REQ-5). What goes out keeps it, wherever it goes (REQ-6).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping

from ..asking.transaction import Transaction
from ..lookup.network import Network
from .routing import RoutingTable

PAUSES = 20.0, 25.0
"""Seconds for which nothing has gone out when somebody is written to: by chance, between these."""


class Silence:
    """How long nothing may go out yet, in one family."""

    __slots__ = ("_longest", "due")

    def __init__(self, now: float) -> None:
        self._longest: float = PAUSES[0]
        self.due: float = now + PAUSES[0]
        """When somebody is to be written to, unless something goes out before."""

    def ends(self, now: float) -> None:
        """A datagram goes out."""
        self.due = now + self._longest

    def begins(self, now: float, longest: float) -> None:
        """The next may be that long."""
        self._longest = longest
        self.due = now + longest


class KeepOpen:
    """Pings a contact whenever nothing has gone out for a while, in turn.

    `is_on` says whether that is wanted at all, `is_needed` whether a family is behind a NAT.
    """

    def __init__(
        self, network: Network, tables: Mapping[int, RoutingTable], rng: random.Random, now: float
    ) -> None:
        self.is_on: Callable[[], bool] = lambda: False
        self.is_needed: Callable[[int], bool] = lambda family: True
        self._network = network
        self._tables = tables
        self._rng = rng
        self.silences: dict[int, Silence] = {family: Silence(now) for family in tables}

    @property
    def next_due(self) -> float:
        """When `poll` is to be called next."""
        return min([silence.due for silence in self.silences.values()]) if self.is_on() else math.inf

    def poll(self, now: float) -> None:
        """`next_due` has come."""
        for family, silence in self.silences.items():
            if silence.due <= now:
                silence.begins(now, self._rng.uniform(*PAUSES))
                if self.is_needed(family):
                    self._write(family)

    def _write(self, family: int) -> None:
        table = self._tables[family]
        contacts = table.alive() or list(table)
        if contacts:
            longest_silent = min(contacts, key=lambda contact: contact.last_seen)
            self._network.ask(Transaction(longest_silent.address, b"ping", {}))
