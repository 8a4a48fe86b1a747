"""What others ask of the node: answered to those whom it serves, within limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..counters import Counters
from ..table.reach import Reach
from ..table.routing import RoutingTable
from ..wire import compact, krpc
from ..wire.compact import Address
from .reply_limits import NONE, Room
from .requests import Requested
from .responder import Responder
from .serving import Machine, Serving


class Server:
    """Answers queries. `read_only`: nobody's. `machine`: see `Serving`. `fewest_contacts`: with fewer than
    that in a table the node answers everybody.

    `transmit` and `may_answer`: as `Transactions` has them.
    """

    def __init__(
        self,
        responder: Responder,
        ids: dict[int, bytes],
        tables: dict[int, RoutingTable],
        reach: dict[int, Reach],
        counters: Counters,
        *,
        requested: Requested,
        fewest_contacts: int,
        read_only: bool,
        machine: Machine | None,
        transmit: Callable[[bytes, Address], None],
        may_answer: Callable[[Address, float], bool],
    ) -> None:
        self._responder = responder
        self._requested = requested
        self._fewest = fewest_contacts
        self._ids = ids
        self._tables = tables
        self._serving = {family: Serving(family, seen, machine) for family, seen in reach.items()}
        self._counters = counters
        self._read_only = read_only
        self._transmit = transmit
        self._may_answer = may_answer

    def serves(self, address: Address, now: float) -> bool:
        """Whether the node at `address` may take us into its table, and call us (BEP 43)."""
        return self._serves(address, compact.family(address), now)

    def _serves(self, address: Address, family: int, now: float) -> bool:
        if compact.is_public(address):
            return self.serves_internet(family, now)
        return not self._read_only and family in self._serving

    def serves_internet(self, family: int, now: float) -> bool:
        """Whether those at public addresses are."""
        serving = self._serving.get(family)
        return not self._read_only and serving is not None and serving.is_on(now)

    def mapped_at(self, ports: Mapping[int, int]) -> None:
        """By which outside port a router lets strangers in, by family; none elsewhere."""
        for family, serving in self._serving.items():
            serving.mapped_port = ports.get(family)

    def _answers(self, table: RoutingTable, address: Address, family: int, now: float) -> bool:
        """Whether a query from there is answered.

        A node that knows hardly anybody answers all: it may be what a new network begins with, and whoever
        comes is told to call it.
        """
        return not self._read_only and (len(table) < self._fewest or self._serves(address, family, now))

    def answer(self, query: krpc.Query, length: int, address: Address, now: float) -> bool:
        """Answer a query of so many bytes. Whether that was done, and by one who serves that address."""
        family = compact.family(address)
        table = self._tables.get(family)
        if table is None:
            return False
        serves = self._answers(table, address, family, now)
        own_id, answer = self._ids[family], None
        if self._requested.handler is not None:
            answer = self._requested.answer(own_id, query, length, address, now)
        if answer is None and not serves:
            return False
        room = self._room_for(table, address, now)
        if room is NONE:
            self._counters.limited += 1
            return False
        if answer is None:
            answer = self._responder.answer(own_id, query, address, now, room)
        self._reply(answer, address, now)
        return serves

    def refuse(self, answer: bytes, address: Address, now: float) -> None:
        """Answer something that is no query."""
        family = compact.family(address)
        table = self._tables.get(family)
        if table is None or not self._answers(table, address, family, now):
            return
        if self._room_for(table, address, now) is not NONE:
            self._reply(answer, address, now)

    def _room_for(self, table: RoutingTable, address: Address, now: float) -> Room:
        is_contact = table.get(address) is not None
        room = self._responder.limits.room(address, now, is_contact=is_contact)
        return room if room is NONE or self._may_answer(address, now) else NONE

    def _reply(self, answer: bytes, address: Address, now: float) -> None:
        self._responder.limits.sent(address, now, len(answer))
        self._transmit(answer, address)
