"""What a routing table holds: contacts, in buckets (BEP 5, "Routing Table")."""

from __future__ import annotations

from ..wire.compact import Address


class Contact:
    """A node that has answered at least once. Times are the node's clock, in seconds."""

    __slots__ = ("address", "failures", "id", "info", "last_seen", "number", "round_trip")

    def __init__(self, node_id: bytes, address: Address, now: float, round_trip: float) -> None:
        self.id: bytes = node_id
        self.number: int = int.from_bytes(node_id, "big")
        self.address: Address = address
        self.info: bytes = node_id + address
        """Its compact node info, as it goes into answers."""
        self.last_seen: float = now
        """When it last answered, or last queried us: either keeps it good."""
        self.failures: int = 0
        """Queries in a row that it has not answered."""
        self.round_trip: float = round_trip

    def __repr__(self) -> str:
        return f"<Contact {self.id.hex()[:8]} failures={self.failures}>"


class Bucket:
    """Up to k contacts, and as many that wait for a place."""

    __slots__ = ("changed_at", "contacts", "waiting")

    def __init__(self, now: float) -> None:
        self.contacts: list[Contact] = []
        self.waiting: list[Contact] = []
        self.changed_at: float = now
