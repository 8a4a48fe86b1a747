"""The nodes on a lookup's way, and how far it is with each."""

from __future__ import annotations

from enum import Enum, auto

from .origins import Origin, fits, origin_of
from .wire import ID_BYTES, Address


class State(Enum):
    """How far a lookup is with a node."""

    NEW = auto()
    ASKED = auto()
    SLOW = auto()
    ANSWERED = auto()
    SKIPPED = auto()  # it failed, or holds no peers


NEW, ASKED, SLOW, ANSWERED, SKIPPED = State


class Candidate:
    """A node on the way. `plain`: whether it runs the bare library, None where that is not known.

    `teller`: the network that told us of it, None where that was ourselves.
    """

    __slots__ = (
        "address",
        "distance",
        "fingerprint",
        "fits",
        "more",
        "node_id",
        "origin",
        "packed",
        "plain",
        "state",
        "teller",
        "token",
        "was_short",
    )

    def __init__(
        self, node_id: bytes, packed: bytes, target: int, plain: bool | None, teller: bytes | None = None
    ) -> None:
        self.packed: bytes = packed
        self.plain: bool | None = plain
        self.teller: bytes | None = teller
        self.address: Address = ("", 0)
        self.state: State = NEW
        self.token: bytes = b""
        self.was_short: bool = False
        self.fingerprint: int = 0
        self.more: int = 0
        self.origin: Origin | None = origin_of(packed[ID_BYTES:-2])
        self.take_id(node_id, target)

    def take_id(self, node_id: bytes, target: int) -> None:
        """It has this id; `target` is what the lookup looks for."""
        self.node_id: bytes = node_id
        self.distance: int = int.from_bytes(node_id, "big") ^ target
        self.fits: bool = fits(node_id, self.packed[ID_BYTES:-2])
