"""A query of ours, and what may become of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from ..wire import krpc
from ..wire.compact import Address

Outcome: TypeAlias = krpc.Response | krpc.ErrorReply | None
"""What became of a query: an answer, a refusal, or (None) nothing in time."""


class Transaction:
    """One query. Whoever asks says in a subclass what it leads to: by itself to nothing.

    `turn`: of those that wait for one node the lowest comes first; None: it takes the next one. `is_watched`:
    it is `overdue` before it is slow. `is_counted`: which share is never answered is learnt from it, too.
    """

    __slots__ = (
        "address",
        "arguments",
        "asked_at",
        "datagram",
        "due",
        "id",
        "is_counted",
        "is_slow",
        "is_watched",
        "method",
        "sent_at",
        "turn",
        "was_surprised",
    )

    def __init__(
        self,
        address: Address,
        method: bytes,
        arguments: dict[bytes, Any],
        *,
        turn: int | None = None,
        is_watched: bool = False,
        is_counted: bool = False,
    ) -> None:
        self.address: Address = address
        self.method: bytes = method
        self.arguments: dict[bytes, Any] = arguments
        self.turn: int = -1 if turn is None else turn
        self.is_watched: bool = is_watched
        self.is_counted: bool = is_counted
        self.asked_at: float = 0.0
        self.was_surprised: bool = False
        """Whether it came out of the blue for its node (`Surroundings.is_surprised`)."""
        self.id: bytes = b""
        self.datagram: bytes = b""
        self.sent_at: float = 0.0
        self.due: float = 0.0
        self.is_slow: bool = False

    def is_wanted(self) -> bool:
        """Whether it is still to be sent, now that its turn has come."""
        return True

    def overdue(self) -> None:
        """Most answers would have come by now (see `patience`)."""

    def slow(self) -> None:
        """Nearly all would have."""

    def hear(self, response: krpc.Response) -> bool:
        """It has been answered. Whether somebody has got what they wait for, so that all else that the answer
        leads to, `settle` too, is done once they have it (`Node.catch_up`)."""
        return False

    def settle(self, outcome: Outcome) -> None:
        """It has ended."""


class Asked(Transaction):
    """One whose asker hands in what it leads to. It is counted where `on_slow` is given."""

    __slots__ = ("_on_outcome", "_on_slow", "_wanted")

    def __init__(
        self,
        address: Address,
        method: bytes,
        arguments: dict[bytes, Any],
        on_outcome: Callable[[Outcome], None],
        *,
        on_slow: Callable[[], None] | None = None,
        wanted: Callable[[], bool] | None = None,
        turn: int | None = None,
    ) -> None:
        super().__init__(address, method, arguments, turn=turn, is_counted=on_slow is not None)
        self._on_outcome = on_outcome
        self._on_slow = on_slow
        self._wanted = wanted

    def is_wanted(self) -> bool:
        """Whether it is still to be sent."""
        return self._wanted is None or self._wanted()

    def slow(self) -> None:
        """No answer yet."""
        if self._on_slow is not None:
            self._on_slow()

    def settle(self, outcome: Outcome) -> None:
        """It has ended."""
        self._on_outcome(outcome)
