"""A node that a lookup may ask, and who told of it.

Who told of each is remembered: those whose candidates do not answer are listened to no more.
"""

from __future__ import annotations

import enum
from typing import Final

from ..wire import node_id
from ..wire.compact import Address


class State(enum.Enum):
    """What has become of a candidate."""

    FRESH = "fresh"
    HELD = "held"
    WAITING = "waiting"
    OVERDUE = "overdue"
    SLOW = "slow"
    ANSWERED = "answered"
    FAILED = "failed"


# Bound once: comparing against these is the hot path's whole work.
FRESH: Final = State.FRESH
HELD: Final = State.HELD
WAITING: Final = State.WAITING
OVERDUE: Final = State.OVERDUE
SLOW: Final = State.SLOW
ANSWERED: Final = State.ANSWERED
FAILED: Final = State.FAILED


MAX_SILENT: Final = 6
"""So many silent candidates of one teller, and as many again for each that answered, and it is doubted. On
a line that loses 40 % of the datagrams that happens to few by chance, and hardly to all who told of one."""

MAX_TELLERS: Final = 8
"""How many of those who told of a candidate are remembered."""


class Teller:
    """A node that told of others, and what became of these."""

    __slots__ = ("answered", "silent")

    def __init__(self) -> None:
        self.answered: int = 0
        self.silent: int = 0

    @property
    def is_doubtful(self) -> bool:
        """Whether those it tells of had better not be asked."""
        return self.silent >= MAX_SILENT * (self.answered + 1)


class Candidate:
    """A node that might be close to the target. `fits`: its id may be used at its address (BEP 42).

    `tellers`: who told of it; nobody where it is from our own table. `hops`: above 0 it was
    asked on a side path, as one of at most this many still to come.
    """

    __slots__ = (
        "address",
        "distance",
        "fits",
        "hops",
        "id",
        "is_silent",
        "state",
        "tellers",
        "token",
        "tries",
    )

    def __init__(self, id_: bytes, address: Address, distance: int, teller: Teller | None) -> None:
        self.address: Address = address
        self.state: State = FRESH
        self.tries: int = 0
        self.is_silent: bool = False
        self.hops: int = 0
        self.token: bytes | None = None
        self.tellers: list[Teller] = [] if teller is None else [teller]
        self.take_id(id_, distance)

    @property
    def is_doubtful(self) -> bool:
        """Whether all who told of it are doubted."""
        for teller in self.tellers:  # the first one mostly settles it
            if not teller.is_doubtful:
                return False
        return bool(self.tellers)

    def was_silent(self) -> None:
        """It has not answered, or not in good time: its tellers are held to account, once."""
        if not self.is_silent:
            self.is_silent = True
            for teller in self.tellers:
                teller.silent += 1

    def has_answered(self) -> None:
        """It has answered after all."""
        for teller in self.tellers:
            teller.answered += 1
            teller.silent -= self.is_silent
        self.is_silent = False

    def take_id(self, id_: bytes, distance: int) -> None:
        """Be known by this id from now on."""
        self.id: bytes = id_
        self.distance: int = distance
        self.fits: bool = node_id.fits(id_, self.address)
