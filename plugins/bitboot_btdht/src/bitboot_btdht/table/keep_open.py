"""Keeping a NAT's mapping open: whoever finds us announced can ask us only while the outside port stays ours.

Many NATs forget a mapping through which nothing has gone out for 30 seconds, though RFC 4787 asks for 2
minutes (REQ-5). What goes out keeps it, wherever it goes (REQ-6).
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping

from ..lookup.network import Network
from .routing import RoutingTable

PAUSES = 20.0, 25.0
"""Seconds for which nothing has gone out when somebody is written to: by chance, between these."""


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
        self._pause = PAUSES[0]
        self._due: dict[int, float] = dict.fromkeys(tables, now + self._pause)

    def wrote(self, family: int, now: float) -> None:
        """A datagram goes out."""
        self._due[family] = now + self._pause

    @property
    def next_due(self) -> float:
        """When `poll` is to be called next."""
        return min(self._due.values()) if self.is_on() else math.inf

    def poll(self, now: float) -> None:
        """`next_due` has come."""
        for family, due in list(self._due.items()):
            if due <= now:
                self._pause = self._rng.uniform(*PAUSES)
                self._due[family] = now + self._pause
                if self.is_needed(family):
                    self._write(family)

    def _write(self, family: int) -> None:
        table = self._tables[family]
        contacts = [contact for contact in table if not table.is_bad(contact)] or list(table)
        if contacts:
            longest_silent = min(contacts, key=lambda contact: contact.last_seen)
            self._network.ask(longest_silent.address, b"ping", {}, lambda outcome: None)
