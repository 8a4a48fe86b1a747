"""Finding a place in the network, through contacts of which only the address is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..asking.transaction import Asked, Outcome
from ..wire import krpc
from ..wire.compact import Address, NodeInfo
from .network import Network, introduced, told_of
from .searches import NodeSearch


class Bootstrap:
    """find_node for our own id, through contacts whose ids are not known yet (BEP 5, "Routing Table").

    Reports how many of the contacts answered, as soon as the others are slow and the way is clear.
    """

    def __init__(
        self,
        network: Network,
        contacts: Iterable[Address],
        family: int,
        on_done: Callable[[int], None],
    ) -> None:
        self._network = network
        self._contacts = list(dict.fromkeys(contacts))
        self._on_done = on_done
        self._family = family
        self._searches: dict[int, NodeSearch] = {}
        self._unheard: set[Address] = set()
        self._slow: set[Address] = set()
        self._answered = 0
        self._done = False

    def start(self) -> None:
        """Ask every contact at once."""
        self._unheard = {contact for contact in self._contacts if self._ask(contact)}
        self._check()

    def cancel(self) -> None:
        """Stop asking; call nobody."""
        self._done = True
        for search in self._searches.values():
            search.cancel()

    def _ask(self, contact: Address, *, again: bool = False) -> bool:
        return self._network.ask(
            Asked(
                contact,
                b"find_node",
                self._arguments(),
                lambda outcome: self._settle(contact, outcome),
                on_slow=None if again else lambda: self._retry(contact),
                wanted=lambda: not self._done,
            )
        )

    def _retry(self, contact: Address) -> None:
        # Either it is dead or a datagram was lost: at the very first contact it pays to ask twice.
        self._slow.add(contact)
        self._ask(contact, again=True)
        self._check()

    def _settle(self, contact: Address, outcome: Outcome) -> None:
        if outcome is None and contact in self._unheard:
            self._network.try_later(contact)
        if self._done or contact not in self._unheard:
            return
        if isinstance(outcome, krpc.Response):
            self._answered += 1
            for family in self._network.families:
                told = told_of(self._network, outcome.values, family)
                nodes = introduced(self._network, contact, told)
                self._follow(family, contact, nodes)
        self._unheard.discard(contact)
        self._check()

    def _arguments(self) -> dict[bytes, Any]:
        arguments: dict[bytes, Any] = {b"target": self._network.ids[self._family]}
        if len(self._network.families) > 1:
            # BEP 32, "Bootstrapping": a node of one family may know the way into the other
            arguments[b"want"] = [krpc.WANT_FLAG[family] for family in self._network.families]
        return arguments

    def _follow(self, family: int, teller: Address, nodes: Iterable[NodeInfo]) -> None:
        search = self._searches.get(family)
        if search is None or search.traversal.done:
            search = NodeSearch(self._network, self._network.ids[family], family, self._check)
            self._searches[family] = search
        unasked = [(id_, address) for id_, address in nodes if address not in self._contacts]
        search.traversal.add(unasked, teller)
        search.traversal.advance()

    def _check(self) -> None:
        if self._done:
            return
        waiting = self._unheard - self._slow if self._answered else self._unheard
        if waiting or not all(search.traversal.done for search in self._searches.values()):
            return
        self._done = True
        self._on_done(self._answered)
