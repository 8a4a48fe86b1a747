"""Storing something on the nodes closest to a key: look them up for their tokens, then ask each of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from ..asking.transaction import Asked, Outcome
from ..wire import krpc
from .candidates import Candidate
from .searches import NodeSearch

TRIES = 2
"""How often one of the closest is asked: datagrams get lost. A spare one is asked once."""


class _Chosen:
    """A node that is asked to store it. `tries`: how often it may still be asked."""

    __slots__ = ("candidate", "tries", "under_way")

    def __init__(self, candidate: Candidate, tries: int) -> None:
        self.candidate: Candidate = candidate
        self.tries: int = tries
        self.under_way: int = 0


class Storing(ABC):
    """A search, then a query to each of the closest nodes. Reports how many stored it."""

    method: bytes
    """That of the query which stores."""

    def __init__(self, search: NodeSearch, on_done: Callable[[int], None]) -> None:
        """`search`: for the tokens; it calls `store` when it is done."""
        self._network = search.network
        self._search = search
        self._on_done = on_done
        self._wanted = 0
        self._awaited: set[_Chosen] = set()
        # Those in whose place others are asked, as they are slow. What they say counts all the same.
        self._late: set[_Chosen] = set()
        self._stored: set[Candidate] = set()
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
        traversal = self._search.traversal
        chosen = traversal.shortlist.storing_nodes(traversal.wanted)
        self._spare = [
            candidate
            for candidate in traversal.answers
            if candidate.token is not None and candidate not in chosen
        ]
        self._wanted = len(chosen)
        self._turns = self.in_turns(chosen)
        self.check()

    def _ask(self, asked: _Chosen) -> None:
        asked.tries -= 1
        sent = self._network.ask(
            Asked(
                asked.candidate.address,
                self.method,
                {**self.arguments(asked.candidate), b"token": asked.candidate.token},
                lambda outcome: self._settle(asked, outcome),
                on_slow=lambda: self._is_slow(asked),
                wanted=lambda: not self._done,
                turn=self._search.turn,
            )
        )
        if sent:
            asked.under_way += 1
            self._awaited.add(asked)

    def _is_slow(self, asked: _Chosen) -> None:
        """No answer yet. Lost on the way, most likely: it is sent once more, then to another node as well."""
        if self._done or asked not in self._awaited:
            return
        if asked.tries:
            self._ask(asked)
            return
        self._awaited.discard(asked)
        self._late.add(asked)
        self._ask_another()
        self.check()

    def _ask_another(self) -> None:
        if self._spare:
            self._ask(_Chosen(self._spare.pop(0), tries=1))

    def _settle(self, asked: _Chosen, outcome: Outcome) -> None:
        asked.under_way -= 1
        if self._done or asked.candidate in self._stored:
            return
        if outcome is None and asked.under_way:
            return  # it was asked again meanwhile
        is_awaited = asked in self._awaited
        if outcome is None and is_awaited and asked.tries:
            self._ask(asked)
            return
        self._awaited.discard(asked)
        self._late.discard(asked)
        if isinstance(outcome, krpc.Response):
            self._stored.add(asked.candidate)
        elif isinstance(outcome, krpc.ErrorReply) and self.is_in_vain(outcome):
            pass
        elif is_awaited:
            self._ask_another()
        self.check()

    def check(self) -> None:
        """Where nobody is waited for any more, ask those whose turn it is now, or report.

        The late are waited for until as many have stored it as were to.
        """
        while not self._done and not self._awaited and (not self._late or len(self._stored) >= self._wanted):
            if self._turns and self.goes_on():
                for candidate in self._turns.pop(0):
                    self._ask(_Chosen(candidate, TRIES))
            else:
                self._done = True
                self._on_done(len(self._stored))
