"""All that a node knows of others, in each IP family, and what it learns from what they say and do."""

from __future__ import annotations

import random
from collections.abc import Callable

from ..lookup.network import Network
from ..wire import compact, krpc
from ..wire.compact import Address
from ..wire.node_id import id_for
from .acquaintances import Acquaintances
from .address_check import AddressCheck
from .external import ExternalAddress
from .keep_open import KeepOpen, Silence
from .newcomers import Newcomers
from .reach import Reach
from .routing import RoutingTable
from .upkeep import Upkeep


class _Family:
    """What each datagram of one IP family comes by, in one place: looked up once."""

    __slots__ = ("acquaintances", "newcomers", "reach", "silence")

    def __init__(
        self, acquaintances: Acquaintances, newcomers: Newcomers, reach: Reach, silence: Silence
    ) -> None:
        self.acquaintances: Acquaintances = acquaintances
        self.newcomers: Newcomers = newcomers
        self.reach: Reach = reach
        self.silence: Silence = silence


class Surroundings:
    """The routing tables with their upkeep, and where the node itself stands.

    `ids` and `tables`: the node's own, by family; both change when its outside address does, of which
    `on_moved()` tells. `expire(now)` is called once a minute.
    """

    def __init__(
        self,
        network: Network,
        ids: dict[int, bytes],
        tables: dict[int, RoutingTable],
        *,
        expire: Callable[[float], object],
        on_moved: Callable[[], None],
        rng: random.Random,
        now: float,
    ) -> None:
        self._settings = network.settings
        self._ids = ids
        self._tables = tables
        self._on_moved = on_moved
        self._rng = rng
        self._now = now
        self.upkeep: Upkeep = Upkeep(network, tables, expire, rng, now)
        self._address_check = AddressCheck(network, tables, self._move, rng, now)
        self.external: dict[int, ExternalAddress] = self._address_check.external
        """Where others see the node."""
        self.keep_open: KeepOpen = KeepOpen(network, tables, rng, now)
        acquaintances = {family: Acquaintances(self._settings, now) for family in tables}
        self.reach: dict[int, Reach] = {
            family: Reach(external, acquaintances[family], now) for family, external in self.external.items()
        }
        """Whether others can reach it."""
        self._families = {
            family: _Family(
                acquaintances[family],
                self.upkeep.newcomers[family],
                self.reach[family],
                self.keep_open.silences[family],
            )
            for family in tables
        }

    def poll(self, now: float) -> None:
        """Do what is due."""
        self._now = now
        if now >= self.upkeep.next_tick:
            self.upkeep.tick(now)
        if now >= self._address_check.next_due:
            self._address_check.poll(now)
        if now >= self.keep_open.next_due:
            self.keep_open.poll(now)

    @property
    def next_due(self) -> float:
        """When `poll` is to be called next."""
        first = min(self.upkeep.next_tick, self._address_check.next_due)
        return min(first, self.keep_open.next_due)

    # What goes out and comes in

    def wrote(self, address: Address, now: float) -> None:
        """A datagram goes out to `address`."""
        family = self._families.get(compact.family(address))
        if family is not None:
            family.acquaintances.wrote(address, now)
            family.newcomers.wrote(address, now)
            family.silence.ends(now)

    def heard(self, address: Address, now: float) -> None:
        """A datagram has come in."""
        family = self._families.get(compact.family(address))
        if family is not None:
            family.reach.heard(now)

    def called(self, address: Address, now: float) -> bool:
        """A query has come in. Whether that is a stranger's."""
        family = self._families.get(compact.family(address))
        return family is not None and family.reach.called(address, now)

    def served(self, node_id: bytes, address: Address, now: float) -> None:
        """It has been answered, and whoever sent it wants to be known."""
        if self._tables[compact.family(address)].queried(node_id, address, now):
            self.upkeep.called(node_id, address, now, is_reachable=self.is_surprised(address, now))

    def is_surprised(self, address: Address, now: float) -> bool:
        """Whether an answer to a query that is sent to `address` now shows it to be reachable."""
        return self._families[compact.family(address)].acquaintances.is_surprised(address, now)

    def has_called_since(self, address: Address, asked: float) -> bool:
        """Whether a call from `address` came in after a query of then was sent there, or may have."""
        return self._families[compact.family(address)].acquaintances.has_called_since(address, asked)

    def answered(
        self, response: krpc.Response, address: Address, now: float, *, round_trip: float, was_surprised: bool
    ) -> None:
        """A query of ours has been answered. `was_surprised`: see `is_surprised`."""
        self._now = now
        family = compact.family(address)
        if response.sender == self._ids[family]:
            return
        if was_surprised:
            self._families[family].acquaintances.is_reachable(address, now)
        if was_surprised or self.upkeep.may_enter(address, now):
            questionable = self._tables[family].answered(response.sender, address, now, round_trip)
            if questionable is not None:
                self.upkeep.check(questionable)
        self._address_check.vote(family, address, response.external, now)

    def unanswered(self, address: Address, asked: float) -> None:
        """A query that was sent then has no answer in time."""
        family = compact.family(address)
        self._tables[family].failed(address)
        self.reach[family].unanswered(address, asked)

    def _move(self, family: int) -> None:
        """Take an id that fits our external address (BEP 42), and sort that family's table anew."""
        self._ids[family] = id_for(self.external[family].ip or b"", self._rng)
        table = RoutingTable(self._ids[family], self._settings, self._now)
        for contact in self._tables[family]:
            table.adopt(contact, self._now)
        self._tables[family] = table
        self.reach[family].moved()
        self.upkeep.meet_neighbours(family)
        self._on_moved()

    # Who is there

    def alive(self) -> list[Address]:
        """Contacts that answered recently, the latest first, and those who wait for a place among them."""
        alive = [
            contact
            for table in self._tables.values()
            for contact in table.everyone()
            if not table.is_bad(contact)
        ]
        alive.sort(key=lambda contact: (contact.failures, -contact.last_seen))
        return [contact.address for contact in alive]
