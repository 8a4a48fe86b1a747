"""The routing table (BEP 5, "Routing Table"): k-buckets that split only around our own id.

The table holds nodes that have answered us, and nothing else: one that is merely spoken of, or
that only queries us, is first asked itself. It does no I/O: it says which contact ought to be
pinged, and is told what came of it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

from ..settings import Settings
from ..wire.compact import Address, is_public, subnet
from ..wire.node_id import ID_BITS, ID_BYTES, as_number, fits
from . import nearest
from .contact import Bucket, Contact

MAX_DROPPED = 64
"""Addresses of dropped contacts that are kept until somebody takes them: the latest."""


class RoutingTable:
    """The contacts of one IP family, by closeness to our own id.

    Bucket i holds the contacts that share exactly i leading bits with our id, the last bucket all
    that share more: splitting only around our own id leaves no other shape.
    """

    def __init__(self, own_id: bytes, settings: Settings, now: float) -> None:
        self.own_id = own_id
        self._own_number = as_number(own_id)
        self._settings = settings
        self._buckets = [Bucket(now)]
        self._by_address: dict[Address, Contact] = {}
        self._per_subnet: dict[bytes, int] = {}
        self.public: int = 0
        """How many of the contacts are at public addresses."""
        self.dropped: list[Address] = []
        """Bad contacts that others have taken the place of, for whoever wants to try them again."""

    def __len__(self) -> int:
        return len(self._by_address)

    def __iter__(self) -> Iterator[Contact]:
        for bucket in self._buckets:
            yield from bucket.contacts

    def alive(self) -> list[Contact]:
        """All contacts but the bad ones."""
        bad_after = self._settings.bad_after
        return [one for bucket in self._buckets for one in bucket.contacts if one.failures < bad_after]

    def everyone(self) -> list[Contact]:
        """All contacts, and after them those who wait for a place."""
        waiting = {contact.address: contact for bucket in self._buckets for contact in bucket.waiting}
        return [*self, *(contact for contact in waiting.values() if contact.address not in self._by_address)]

    @property
    def buckets(self) -> list[Bucket]:
        """All buckets, farthest from our own id first."""
        return self._buckets

    def get(self, address: Address) -> Contact | None:
        """The contact at `address`."""
        return self._by_address.get(address)

    # Node states (BEP 5): good, questionable, bad

    def is_good(self, contact: Contact, now: float) -> bool:
        """Heard within the last 15 minutes, and no query of ours unanswered since."""
        return not contact.failures and now - contact.last_seen < self._settings.good_for

    def _are_good(self, bucket: Bucket, now: float) -> bool:
        """Whether all contacts of a bucket are."""
        return bucket.good_infos(self._settings.good_for, now) is not None

    def is_bad(self, contact: Contact) -> bool:
        """Failed to answer several queries in a row."""
        return contact.failures >= self._settings.bad_after

    def bucket_index(self, node_id: bytes) -> int:
        """In which of the buckets an id has its place."""
        return self._index_of(as_number(node_id))

    def _index_of(self, number: int) -> int:
        # As `common_prefix` says: written out, since every query comes by here.
        return min(ID_BITS - (self._own_number ^ number).bit_length(), len(self._buckets) - 1)

    # What happened to whom

    def answered(self, node_id: bytes, address: Address, now: float, round_trip: float) -> Contact | None:
        """A node has answered a query. Returns the contact that should be pinged to make room."""
        known = self._by_address.get(address)
        if known is not None:
            number = as_number(node_id)
            if known.number == number:
                known.last_seen = now
                known.failures = 0
                known.round_trip = round_trip
                self._buckets[self._index_of(number)].changed_at = now
                return None
            self._remove(known)  # the same socket with a new id: the old one is gone
        return self._insert(Contact(node_id, address, now, round_trip), now)

    def adopt(self, contact: Contact, now: float) -> None:
        """Take a contact over from another table, as it is."""
        self._insert(contact, now)

    def queried(self, node_id: bytes, address: Address, now: float) -> bool:
        """A node has queried us. Returns whether a ping could earn it a place in the table."""
        known = self._by_address.get(address)
        if known is not None:
            if not known.failures and known.number == as_number(node_id):
                known.last_seen = now
            return False
        return self.would_take(node_id, address, now)

    def failed(self, address: Address) -> None:
        """A query to `address` was not answered in time. Whoever waits takes a bad contact's place."""
        contact = self._by_address.get(address)
        if contact is None:
            self._forget_waiting(address)
            return
        self._buckets[self._index_of(contact.number)].failed(contact)
        if self.is_bad(contact):
            self._replace(contact)

    def would_take(self, node_id: bytes, address: Address, now: float) -> bool:
        """Whether a node, once it has answered, could enter the table now."""
        if node_id == self.own_id or address in self._by_address or self._crowded(address):
            return False
        index = self.bucket_index(node_id)
        bucket = self._buckets[index]
        return (
            len(bucket.contacts) < self._settings.k or self._splits(index) or not self._are_good(bucket, now)
        )

    def _crowded(self, address: Address) -> bool:
        if not is_public(address):
            return False
        neighbours = self._per_subnet.get(subnet(address), 0)
        per_ip, per_subnet = self._settings.contacts_per_ip, self._settings.contacts_per_subnet
        if per_subnet is not None and neighbours >= per_subnet:
            return True
        # Those that have its IP are counted where enough have its subnet: to keep their number takes memory.
        return per_ip is not None and neighbours >= per_ip and self._at_ip(address[:-2]) >= per_ip

    def _at_ip(self, ip: bytes) -> int:
        return sum([address[:-2] == ip for address in self._by_address])

    def _splits(self, index: int) -> bool:
        return index == len(self._buckets) - 1 and len(self._buckets) < ID_BITS

    def _insert(self, contact: Contact, now: float) -> Contact | None:
        if contact.number == self._own_number or self._crowded(contact.address):
            return None
        while True:
            index = self._index_of(contact.number)
            bucket = self._buckets[index]
            for other in bucket.contacts:
                if other.number == contact.number:
                    if self.is_good(other, now):
                        return None  # the same id at another address: the first keeps it while it is good
                    self._remove(other)
                    break
            if len(bucket.contacts) < self._settings.k:
                self._add(bucket, contact, now)
                return None
            if not self._splits(index):
                break
            self._split()
        are_good = self._are_good(bucket, now)  # by far the most frequent case
        bad = None if are_good else next((other for other in bucket.contacts if self.is_bad(other)), None)
        if bad is not None:
            self._drop(bad)
            self._add(bucket, contact, now)
            return None
        bucket.wait(contact, self._settings.k, one_per_subnet=self._settings.contacts_per_subnet is not None)
        return None if are_good else self.least_recently_seen(bucket, now)

    def least_recently_seen(self, bucket: Bucket, now: float) -> Contact | None:
        """The questionable contact of a bucket that has been silent longest; None if all are good."""
        questionable = [contact for contact in bucket.contacts if not self.is_good(contact, now)]
        return min(questionable, key=lambda contact: contact.last_seen, default=None)

    def _add(self, bucket: Bucket, contact: Contact, now: float) -> None:
        bucket.add(contact, now)
        self._by_address[contact.address] = contact
        self.public += is_public(contact.address)
        place = subnet(contact.address)
        self._per_subnet[place] = self._per_subnet.get(place, 0) + 1

    def _remove(self, contact: Contact) -> None:
        self._buckets[self._index_of(contact.number)].remove(contact)
        del self._by_address[contact.address]
        self.public -= is_public(contact.address)
        place = subnet(contact.address)
        self._per_subnet[place] -= 1
        if not self._per_subnet[place]:
            del self._per_subnet[place]

    def _drop(self, bad: Contact) -> None:
        self._remove(bad)
        self.dropped.append(bad.address)
        del self.dropped[:-MAX_DROPPED]

    def _replace(self, bad: Contact) -> None:
        # A bad contact stays until somebody can have its place: when the whole network seems gone
        # it is more likely we who are offline, and the table is all there is to come back with.
        bucket = self._buckets[self._index_of(bad.number)]
        while bucket.waiting:
            candidate = bucket.waiting.pop()
            if candidate.address not in self._by_address and not self._crowded(candidate.address):
                self._drop(bad)
                self._add(bucket, candidate, candidate.last_seen)
                return

    def _forget_waiting(self, address: Address) -> None:
        for bucket in self._buckets:
            if any(other.address == address for other in bucket.waiting):
                bucket.waiting = [other for other in bucket.waiting if other.address != address]

    def _split(self) -> None:
        last = self._buckets.pop()
        depth = len(self._buckets) + 1
        for is_near in (False, True):
            half = Bucket(last.changed_at)
            half.contacts = [one for one in last.contacts if self._is_near(one, depth) is is_near]
            half.waiting = [one for one in last.waiting if self._is_near(one, depth) is is_near]
            self._buckets.append(half)

    def _is_near(self, contact: Contact, depth: int) -> bool:
        return ID_BITS - (self._own_number ^ contact.number).bit_length() >= depth

    # Who is close to what

    def closest(self, target: bytes, count: int) -> list[Contact]:
        """The `count` contacts closest to `target`, nearest first, bad ones left out."""
        number, bad_after = as_number(target), self._settings.bad_after
        return list(nearest.closest(self._buckets, self._own_number, number, count, bad_after=bad_after))

    def beginning(self, target: bytes, count: int, now: float) -> Iterator[Contact]:
        """The same for a lookup of our own, one by one, while nothing changes.

        Good ones that wait for a place are among them, on top of `count`. Whoever has answered once may wait,
        so they are left out where they could have chosen to be close to the target: their ids have to fit
        (BEP 42), and at local addresses, where any id does, they count only if all contacts are local.
        """
        return nearest.closest(
            self._buckets,
            self._own_number,
            as_number(target),
            count,
            bad_after=self._settings.bad_after,
            waiting=partial(self._good_waiting, now - self._settings.good_for),
        )

    def _good_waiting(self, heard_since: float, bucket: Bucket) -> list[Contact]:
        good = [contact for contact in bucket.waiting if contact.last_seen > heard_since]
        if not self.public:
            return good
        return [one for one in good if is_public(one.address) and fits(one.id, one.address)]

    def good_infos(self, target: bytes, now: float) -> bytes | None:
        """The compact node info of the k good contacts closest to `target`, in no order; None: too few."""
        number, k, good_for = as_number(target), self._settings.k, self._settings.good_for
        bucket = self._buckets[self._index_of(number)]
        infos = bucket.good_infos(good_for, now)
        if infos is not None and len(bucket.contacts) == k:
            return infos  # for most targets that is the whole answer
        return nearest.good_infos(self._buckets, self._own_number, number, k, good_for=good_for, now=now)

    # Upkeep

    def stale(self, now: float) -> list[int]:
        """The indices of buckets that have not changed for 15 minutes."""
        limit = now - self._settings.refresh_after
        return [index for index, bucket in enumerate(self._buckets) if bucket.changed_at <= limit]

    def random_id_in(self, index: int, rng: random.Random) -> bytes:
        """A random id that falls into bucket `index`."""
        own = self._own_number
        tail_bits = ID_BITS - index - (0 if index == len(self._buckets) - 1 else 1)
        number = (own >> tail_bits << tail_bits) | rng.getrandbits(tail_bits) if tail_bits else own
        if index < len(self._buckets) - 1:
            number ^= 1 << tail_bits
        return number.to_bytes(ID_BYTES, "big")

    def touch(self, index: int, now: float) -> None:
        """A refresh of bucket `index` has begun: do not begin another meanwhile."""
        if index < len(self._buckets):
            self._buckets[index].changed_at = now
