"""What a node counts."""

from __future__ import annotations


class Counters:
    """Since it began. Attributes, not a dictionary: each datagram adds to several."""

    __slots__ = (
        "dropped",
        "errors",
        "limited",
        "malformed",
        "queries",
        "received",
        "received_bytes",
        "refused",
        "sent",
        "sent_bytes",
        "timeouts",
        "unmatched",
        "unsent",
        "unsolicited",
    )

    def __init__(self) -> None:
        self.sent: int = 0
        self.sent_bytes: int = 0
        self.unsent: int = 0
        self.received: int = 0
        self.received_bytes: int = 0
        self.dropped: int = 0
        self.malformed: int = 0
        self.unmatched: int = 0
        self.queries: int = 0
        self.unsolicited: int = 0
        self.limited: int = 0
        self.refused: int = 0
        self.timeouts: int = 0
        self.errors: int = 0
