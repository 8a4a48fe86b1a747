"""A query under way, and what may become of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..wire import krpc
from ..wire.compact import Address

Outcome: TypeAlias = krpc.Response | krpc.ErrorReply | None
"""What became of a query: an answer, a refusal, or (None) nothing in time."""


class Transaction:
    """One query under way."""

    __slots__ = (
        "address",
        "datagram",
        "due",
        "id",
        "is_slow",
        "on_outcome",
        "on_overdue",
        "on_slow",
        "sent_at",
        "turn",
        "wanted",
    )

    def __init__(
        self,
        id_: bytes,
        address: Address,
        datagram: bytes,
        on_outcome: Callable[[Outcome, float], None],
        *,
        on_overdue: Callable[[], None] | None,
        on_slow: Callable[[], None] | None,
        wanted: Callable[[], bool] | None,
        turn: int,
    ) -> None:
        self.id: bytes = id_
        self.address: Address = address
        self.datagram: bytes = datagram
        self.on_outcome: Callable[[Outcome, float], None] = on_outcome
        self.on_overdue: Callable[[], None] | None = on_overdue
        self.on_slow: Callable[[], None] | None = on_slow
        self.wanted: Callable[[], bool] | None = wanted
        self.turn: int = turn
        self.is_slow: bool = False
        self.sent_at: float = 0.0
        self.due: float = 0.0
