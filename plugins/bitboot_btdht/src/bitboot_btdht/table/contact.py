"""What a routing table holds: contacts, in buckets (BEP 5, "Routing Table")."""

from __future__ import annotations

from ..wire.compact import Address, is_public, subnet
from ..wire.node_id import ID_BYTES, as_number


class Contact:
    """A node that has answered at least once. Times are the node's clock, in seconds."""

    __slots__ = ("address", "failures", "last_seen", "number", "round_trip")

    def __init__(self, node_id: bytes, address: Address, now: float, round_trip: float) -> None:
        self.number: int = as_number(node_id)
        """Its id: kept as a number alone, since that is what is compared, and takes half of the memory."""
        self.address: Address = address
        self.last_seen: float = now
        """When it last answered, or last queried us: either keeps it good."""
        self.failures: int = 0
        """Queries in a row that it has not answered."""
        self.round_trip: float = round_trip

    @property
    def id(self) -> bytes:
        """Its id, as it is written."""
        return self.number.to_bytes(ID_BYTES, "big")

    @property
    def info(self) -> bytes:
        """Its compact node info, as it goes into answers."""
        return self.number.to_bytes(ID_BYTES, "big") + self.address

    def __repr__(self) -> str:
        return f"<Contact {self.id.hex()[:8]} failures={self.failures}>"


class Bucket:
    """Up to k contacts, and as many that wait for a place."""

    __slots__ = ("_good_until", "_infos", "changed_at", "contacts", "waiting")

    def __init__(self, now: float) -> None:
        self.contacts: list[Contact] = []
        self.waiting: list[Contact] = []
        self.changed_at: float = now
        self._infos = b""  # of all contacts, as long as all are good, which is at least until then:
        self._good_until = float("-inf")

    def add(self, contact: Contact, now: float) -> None:
        """It gets a place."""
        self.contacts.append(contact)
        self.changed_at = now
        self._good_until = float("-inf")

    def remove(self, contact: Contact) -> None:
        """It loses its place."""
        self.contacts.remove(contact)
        self._good_until = float("-inf")

    def wait(self, contact: Contact, most: int, *, one_per_subnet: bool) -> None:
        """It waits for a place, as the latest of at most so many.

        `one_per_subnet`: in place of another one of its public /24 (IPv6: /64), or local IP.
        """
        address = contact.address
        place = _place(address)
        for index, other in enumerate(self.waiting):
            if other.address == address or (one_per_subnet and _place(other.address) == place):
                del self.waiting[index]
                break
        self.waiting.append(contact)
        if len(self.waiting) > most:
            del self.waiting[0]

    def failed(self, contact: Contact) -> None:
        """One of its contacts has not answered."""
        contact.failures += 1
        self._good_until = float("-inf")

    def good_infos(self, good_for: float, now: float) -> bytes | None:
        """The compact node info of all contacts, one after another; None unless all are good.

        It is kept for as long as they are: nearly all that a node is asked is answered with it.
        """
        if now < self._good_until:
            return self._infos
        if any(contact.failures for contact in self.contacts):
            return None
        good_until = min([contact.last_seen for contact in self.contacts], default=now) + good_for
        if now >= good_until:
            return None
        self._good_until, self._infos = good_until, b"".join([contact.info for contact in self.contacts])
        return self._infos


def _place(address: Address) -> bytes:
    return subnet(address) if is_public(address) else address[:-2]
