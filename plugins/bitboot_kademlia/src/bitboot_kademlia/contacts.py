"""The nodes that we know: those that answered, and those that recently did not."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from itertools import islice

from bitboot_core.aio.limits import packed, source_of

from ._library import Node
from .origins import Origin, fits, origin_of, preferred
from .settings import Settings
from .wire import ID_BYTES, Address, is_loopback, pack_node

BACKOFF = 4
"""Each failure in a row makes a node be left alone so many times longer."""


class Contact(Node):
    """A node that answered from `address`, last at `heard`. `plain`: it runs the bare library."""

    id: bytes
    long_id: int

    def __init__(self, node_id: bytes, address: Address, family: int, *, plain: bool, heard: float) -> None:
        super().__init__(node_id, *address)
        self.address = address
        self.plain = plain
        self.heard = heard
        self.packed: bytes = pack_node(node_id, address, family)
        self.origin: Origin | None = origin_of(self.packed[ID_BYTES:-2])
        self.fits: bool = fits(node_id, self.packed[ID_BYTES:-2])


class Suspects:
    """Addresses that did not answer: a negative cache, since live nodes keep handing dead ones out."""

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._failures: OrderedDict[Address, tuple[int, float]] = OrderedDict()
        self.changes: int = 0
        """Grows whenever an address comes or goes."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self._failures)

    def __contains__(self, address: Address) -> bool:
        """Whether `address` did not answer when it was last asked."""
        return address in self._failures

    def failures(self, address: Address) -> int:
        """How often in a row `address` did not answer."""
        return self._failures.get(address, (0, 0.0))[0]

    def is_shunned(self, address: Address) -> bool:
        """Whether it is too early to ask `address` again."""
        return address in self._failures and self._failures[address][1] > self._now()

    def failed(self, address: Address) -> None:
        """It did not answer."""
        failures = self.failures(address) + 1
        pause = self._settings.shunned_for * BACKOFF ** min(failures - 1, 8)
        self._failures[address] = failures, self._now() + min(pause, self._settings.shunned_at_most)
        self._failures.move_to_end(address)
        self.changes += 1
        if len(self._failures) > self._settings.max_suspects:
            self._failures.popitem(last=False)

    def answered(self, address: Address) -> None:
        """It did."""
        if self._failures.pop(address, None) is not None:
            self.changes += 1

    def showed_up(self, address: Address) -> None:
        """It sent something of its own accord, which anybody could have sent in its name: worth a try."""
        if address in self._failures:
            self._failures[address] = self.failures(address), self._now()


class Introduced:
    """Addresses that answered one of our calls not long ago: they are not made up."""

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._answered: OrderedDict[Address, float] = OrderedDict()

    def __contains__(self, address: Address) -> bool:
        """Whether `address` is one of them."""
        return self._answered.get(address, 0.0) > self._now()

    def answered(self, address: Address) -> None:
        """It has answered. Of too many addresses the one that did so longest ago is forgotten."""
        self._answered[address] = self._now() + self._settings.introduced_for
        self._answered.move_to_end(address)
        if len(self._answered) > self._settings.max_introduced:
            self._answered.popitem(last=False)


class ContactTable:
    """Contacts by their distance from us, k for each bit of it. Takes the place of the library's table.

    That one takes in whoever writes to us, under any id, and grows as strangers like. Here only
    nodes that answered get in, one id for an address. What is full stays as it is, unless one of its
    contacts has fallen silent, has an id that is not for its address, or is one of too many of its
    source or network: see origins.py.
    """

    def __init__(
        self,
        own_id: bytes,
        family: int,
        settings: Settings,
        suspects: Suspects,
        now: Callable[[], float],
    ) -> None:
        self._now = now
        self._own = int.from_bytes(own_id, "big")
        self._family = family
        self._settings = settings
        self._suspects = suspects
        self._buckets: dict[int, dict[int, Contact]] = {}
        self._by_address: dict[Address, Contact] = {}
        self._per_source: Counter[bytes] = Counter()
        self._answering: dict[bool, dict[int, Contact]] = {}  # by whether they are plain, and by id
        self._answering_since = -1

    def __len__(self) -> int:
        """How many contacts there are."""
        return len(self._by_address)

    def __iter__(self) -> Iterator[Contact]:
        """All contacts."""
        return iter(list(self._by_address.values()))

    def at(self, address: Address) -> Contact | None:
        """The contact at `address`."""
        return self._by_address.get(address)

    def wants(self, node_id: bytes, address: Address) -> bool:
        """Whether a node of our kind would be taken in, or confirmed, if it answered."""
        known = self._by_address.get(address)
        if known is not None:
            return known.id != node_id or known.plain or address in self._suspects
        return self._place(int.from_bytes(node_id, "big"), address, plain=False) is not None

    def add(self, node_id: bytes, address: Address, *, plain: bool) -> Contact | None:
        """A node answered. The contact where it is a new one, None where it is known or has no place."""
        known = self._by_address.get(address)
        if known is not None:
            if known.id == node_id:
                if known.plain != plain:
                    known.plain = plain
                    self._answering_since = -1
                return None
            self.remove(known)  # another node has come to live there
        place = self._place(int.from_bytes(node_id, "big"), address, plain=plain)
        if place is None:
            return None
        for former in place:
            self.remove(former)
        contact = Contact(node_id, address, self._family, plain=plain, heard=self._now())
        self._buckets.setdefault(self._bucket_of(contact.long_id), {})[contact.long_id] = contact
        self._by_address[address] = contact
        self._per_source[source_of(packed(address[0]))] += 1
        self._answering_since = -1
        return contact

    def take_id(self, own_id: bytes) -> None:
        """We have another id: sort the contacts anew. Those for whom there is no place are left out."""
        self._own = int.from_bytes(own_id, "big")
        contacts = list(self._by_address.values())
        self._buckets, self._by_address, self._per_source = {}, {}, Counter()
        for contact in contacts:
            if self.add(contact.id, contact.address, plain=contact.plain) is not None:
                self._by_address[contact.address].heard = contact.heard
        self._answering_since = -1

    def remove(self, contact: Contact) -> None:
        """Forget a contact."""
        if self._by_address.get(contact.address) is contact:
            self._answering_since = -1
            del self._by_address[contact.address]
            del self._buckets[self._bucket_of(contact.long_id)][contact.long_id]
            source = source_of(packed(contact.address[0]))
            self._per_source[source] -= 1
            if not self._per_source[source]:
                del self._per_source[source]

    def closest(
        self, target: int, count: int, *, plain: bool, exclude: Address | None = None
    ) -> list[Contact]:
        """The `count` contacts closest to `target` that answer, of those that are plain or of the others.

        Preferred ones first, each part by distance.
        """
        chosen, others = self._choose(target, count, plain=plain, exclude=exclude)
        return chosen + others[: count - len(chosen)]

    def _choose(
        self, target: int, count: int, *, plain: bool, exclude: Address | None = None
    ) -> tuple[list[Contact], list[Contact]]:
        """At most `count` of those that are preferred, closest first, and who was passed over for them."""
        if self._answering_since != self._suspects.changes:
            self._answering_since = self._suspects.changes
            self._answering = {True: {}, False: {}}
            for contact in self._by_address.values():
                if contact.address not in self._suspects:
                    self._answering[contact.plain][contact.long_id] = contact
        answering = self._answering[plain]
        ordered = (answering[one] for one in sorted(answering, key=target.__xor__))
        others: list[Contact] = []
        choice = preferred(
            (contact for contact in ordered if contact.address != exclude), self._settings.spread, others
        )
        return list(islice(choice, count)), others

    def nearest(self, target: int, count: int, *, exclude: Address) -> list[Contact]:
        """The same with contacts of either kind."""
        found = [
            contact
            for plain in (False, True)
            for contact in self.closest(target, count, plain=plain, exclude=exclude)
        ]
        return sorted(found, key=lambda contact: contact.long_id ^ target)[:count]

    def is_among_closest(self, target: int) -> bool:
        """Whether we are one of the k nodes closest to `target`, as far as we know."""
        own = self._own ^ target
        nearer, _ = self._choose(target, self._settings.k, plain=False)
        return len(nearer) < self._settings.k or own < nearer[-1].long_id ^ target

    def _bucket_of(self, long_id: int) -> int:
        return (long_id ^ self._own).bit_length()

    def _place(self, long_id: int, address: Address, *, plain: bool) -> list[Contact] | None:
        """Whom a newcomer would replace, None where there is no place for it."""
        ip = packed(address[0])
        crowded = self._per_source[source_of(ip)] >= self._settings.max_contacts_per_source
        if long_id == self._own or (crowded and not is_loopback(address[0])):
            return None
        bucket = self._buckets.get(self._bucket_of(long_id), {})
        same = bucket.get(long_id)
        if same is not None:  # an id belongs to whoever had it first, for as long as that one answers
            return [same] if same.address in self._suspects else None
        if len(bucket) < self._settings.k:
            return []
        silent = [contact for contact in bucket.values() if contact.address in self._suspects]
        replaceable = silent or [contact for contact in bucket.values() if contact.plain and not plain]
        return replaceable[:1] or self._less_preferred(bucket, long_id, ip)

    def _less_preferred(self, bucket: dict[int, Contact], long_id: int, ip: bytes) -> list[Contact] | None:
        """Who has to go for a newcomer from elsewhere, whose id fits its address."""
        origin = origin_of(ip)
        if not fits(long_id.to_bytes(ID_BYTES, "big"), ip):
            return None
        crowd: list[Contact] = []
        chosen = list(preferred(bucket.values(), self._settings.spread, crowd))
        if not crowd:
            return None
        if origin is not None:
            near = [one.origin for one in chosen if one.origin is not None]
            of_source = sum(one.source == origin.source for one in near)
            of_network = sum(one.network == origin.network for one in near)
            if of_source >= self._settings.spread.per_source:
                return None
            if of_network >= self._settings.spread.per_network:
                return None
        unfit = [contact for contact in crowd if not contact.fits]
        return (unfit or crowd)[-1:]
