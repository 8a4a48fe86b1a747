"""How a lookup begins for a node that knows nobody yet: at contacts of which only the address is known.

They were good when an earlier run kept them. Half may be gone by now, so many are asked at once, the best
first. They are hints and no more: such a contact counts once it has answered by itself, as any other node
does, and no more of one subnet are asked than a lookup takes from there.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from ..asking.transaction import Outcome
from ..wire import krpc
from ..wire.compact import Address, is_public, subnet
from .searches import NodeSearch

AT_ONCE = 32
"""Contacts that are asked at once. Where nine in ten are gone, some three answer; another one is asked for
each that is slow."""


class Opening:
    """The first queries of one lookup in one family, to `contacts`, the best first."""

    def __init__(self, search: NodeSearch, contacts: Iterable[Address]) -> None:
        self._search = search
        self._line = deque(dict.fromkeys(contacts))
        self._per_subnet: Counter[bytes] = Counter()
        self._answers = 0

    def begin(self) -> None:
        """Ask as many as are asked at once."""
        self._search.traversal.is_opening = True
        self._go_on()

    def _go_on(self) -> None:
        traversal, settings = self._search.traversal, self._search.network.settings
        while (
            self._line
            and len(traversal.outside) + self._answers < AT_ONCE
            and traversal.queries < settings.max_queries_per_lookup
        ):
            contact = self._line.popleft()
            if self._may_ask(contact) and self._search.ask_contact(
                contact,
                lambda outcome, contact=contact: self._settle(contact, outcome),  # type: ignore[misc]
                lambda contact=contact: self._slow(contact),  # type: ignore[misc]
            ):
                traversal.outside.add(contact)
        traversal.is_opening = bool(traversal.outside) and self._answers < settings.k

    def _may_ask(self, contact: Address) -> bool:
        """Whether it is not asked yet, may answer, and its subnet has not had its share; counts it then."""
        network, place = self._search.network, subnet(contact)
        per_subnet = network.settings.nodes_per_subnet
        if per_subnet is not None and self._per_subnet[place] >= per_subnet and is_public(contact):
            return False
        if self._search.traversal.shortlist.get(contact) is not None or network.is_dead(contact):
            return False
        self._per_subnet[place] += 1
        return True

    def _slow(self, contact: Address) -> None:
        """It may be gone: another one is asked in its place. Its answer still counts."""
        traversal = self._search.traversal
        traversal.outside.discard(contact)
        if not traversal.done:
            self._go_on()
            traversal.advance()

    def _settle(self, contact: Address, outcome: Outcome) -> None:
        if not isinstance(outcome, krpc.Response):
            self._search.replies += outcome is not None
            self._slow(contact)
            return
        settings, traversal = self._search.network.settings, self._search.traversal
        self._answers += 1
        if self._answers >= settings.k:
            self._line.clear()
        traversal.outside.discard(contact)
        if not traversal.done:
            self._go_on()
        self._search.take(contact, outcome, aside=self._answers <= settings.side_paths)
