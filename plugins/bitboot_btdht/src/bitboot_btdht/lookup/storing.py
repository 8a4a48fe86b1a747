"""Storing something on the nodes closest to a key: look them up for their tokens, then ask each of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from ..asking.transaction import Outcome
from ..wire import krpc
from .candidates import Candidate
from .searches import NodeSearch


class Storing(ABC):
    """A search, then a query to each of the closest nodes. Reports how many stored it."""

    method: bytes
    """That of the query which stores."""

    def __init__(self, search: NodeSearch, on_done: Callable[[int], None]) -> None:
        """`search`: for the tokens; it calls `store` when it is done."""
        self._network = search.network
        self._search = search
        self._on_done = on_done
        self._pending = 0
        self._stored = 0
        self._spare: list[Candidate] = []
        self._turns: list[list[Candidate]] = []
        self._done = False

    @abstractmethod
    def arguments(self, candidate: Candidate) -> dict[bytes, Any]:
        """What a node is asked to store; its token is added."""

    def in_turns(self, chosen: list[Candidate]) -> list[list[Candidate]]:
        """Whom to ask first, and whom only when these have answered: all at once, unless overridden."""
        return [chosen]

    def goes_on(self) -> bool:
        """Whether those whose turn comes now are asked at all."""
        return True

    def is_in_vain(self, refusal: krpc.ErrorReply) -> bool:
        """Whether others will refuse as well, so that none is asked in its place."""
        return False

    def start(self) -> None:
        """Begin."""
        self._search.start()

    def cancel(self) -> None:
        """Stop asking; call nobody."""
        self._done = True
        self._search.cancel()

    def store(self) -> None:
        """The search is done: ask those that it found."""
        chosen = self._search.traversal.storing_nodes()
        self._spare = [
            candidate
            for candidate in self._search.traversal.answers
            if candidate.token is not None and candidate not in chosen
        ]
        self._turns = self.in_turns(chosen)
        self.check()

    def _ask(self, candidate: Candidate, tries: int) -> None:
        sent = self._network.ask(
            candidate.address,
            self.method,
            {**self.arguments(candidate), b"token": candidate.token},
            lambda outcome: self._settle(candidate, outcome, tries - 1),
            wanted=lambda: not self._done,
            turn=self._search.turn,
        )
        if sent:
            self._pending += 1

    def _settle(self, candidate: Candidate, outcome: Outcome, tries: int) -> None:
        self._pending -= 1
        if self._done:
            return
        if isinstance(outcome, krpc.Response):
            self._stored += 1
        elif outcome is None and tries:
            self._ask(candidate, tries)  # lost on the way, most likely
        elif isinstance(outcome, krpc.ErrorReply) and self.is_in_vain(outcome):
            pass
        elif self._spare:
            self._ask(self._spare.pop(0), tries=1)
        self.check()

    def check(self) -> None:
        """Where nobody is asked any more, ask those whose turn it is now, or report."""
        while not self._pending and not self._done:
            if self._turns and self.goes_on():
                for candidate in self._turns.pop(0):
                    self._ask(candidate, tries=2)
            else:
                self._done = True
                self._on_done(self._stored)
