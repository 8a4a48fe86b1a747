"""What a stranger may take of a node that answers on UDP: how many answers, how much of a store.

For authors of backends. Addresses are given as packed bytes, 4 or 16 of them, without the port: `packed`
makes them of text. Two things count, and neither costs an attacker nothing to have more of:

- a *source*: one IPv4 address, or one IPv6 /64, since whoever has one IPv6 address has 2 ** 64 of them;
- a *network*: the /24 of an IPv4 address, the /48 of an IPv6 one, which is what a provider hands out.

    limits = AddressLimits(per_source=20, per_network=100)
    if limits.take(ip, now):
        answer()

    shares = Shares()
    shares.add(record, ip)
    if len(shares) > MAX:
        drop(shares.largest())      # the largest source loses, not whoever came first

`now` is any steadily growing number of seconds. Nothing here grows beyond its bound, blocks or raises
because of what a stranger sent.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from functools import lru_cache
from itertools import islice
from typing import Generic, TypeVar

from ..model import address_scope

__all__ = ["AddressLimits", "Allowance", "Shares", "network_of", "packed", "source_of"]

Item = TypeVar("Item")

MAX_KEYS = 8192
"""Sources, or networks, whose rate is remembered."""

BURST = 4.0
"""This many seconds' worth may come at once."""

SOURCES_COMPARED = 256
"""How many sources of one network are compared: all of a /24, the oldest of a /48."""


@lru_cache(maxsize=8192)
def packed(host: str) -> bytes:
    """The bytes of an IP address, 4 or 16, its zone left out. Raises ValueError where it is none."""
    ip = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip.packed


def source_of(ip: bytes) -> bytes:
    """Who counts as one: the IPv4 address, or the /64 of the IPv6 address."""
    return ip if len(ip) == 4 else ip[:8]


def network_of(ip: bytes) -> bytes:
    """Who counts as neighbours: the /24 of an IPv4 address, the /48 of an IPv6 address."""
    return ip[:3] if len(ip) == 4 else ip[:6]


@lru_cache(maxsize=8192)
def _scope(ip: bytes) -> str:
    """ "loopback", "local" (private, link-local, shared by a provider's customers) or "public"."""
    scope = address_scope(ip)
    return "loopback" if scope == "machine" else "public" if scope == "public" else "local"


class Allowance:
    """This many events a second, with bursts, for each of a bounded number of keys.

    A token bucket per key. One that is full again is forgotten, as it is like one that is not known. Where
    there are too many, the key that was idle longest is forgotten, which errs on the side of allowing: the
    limit for all keys together is a separate one.
    """

    def __init__(self, per_second: float, burst: float, max_keys: int = MAX_KEYS) -> None:
        self._per_second = per_second
        self._burst = burst
        self._max_keys = max_keys
        self._unknown = (burst, float("inf"))
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()
        self._look_at = float("-inf")  # until then none is full again

    def __len__(self) -> int:
        """How many keys are remembered."""
        return len(self._buckets)

    def take(self, key: bytes, now: float, amount: float = 1.0) -> bool:
        """Whether so much more of `key` is within its allowance; counts it if so."""
        level = self.level(key, now)
        allowed = level >= amount
        self._keep(key, level - amount if allowed else level, now)
        return allowed

    def spend(self, key: bytes, now: float, amount: float) -> None:
        """Count so much of `key`, also beyond its allowance: what comes next waits for it."""
        self._keep(key, self.level(key, now) - amount, now)

    def reserve(self, key: bytes, now: float, patience: float) -> float | None:
        """In how many seconds one more event of `key` is within its allowance; counts it.

        None, and nothing is counted, where that would take longer than `patience`.
        """
        level = self.level(key, now)
        delay = max(0.0, (1.0 - level) / self._per_second)
        granted = delay <= patience
        self._keep(key, level - 1.0 if granted else level, now)
        return delay if granted else None

    def level(self, key: bytes, now: float) -> float:
        """How much `key` may take at once now. Below zero after `spend` took more than there was."""
        level, then = self._buckets.get(key, self._unknown)
        return level if now <= then else min(self._burst, level + (now - then) * self._per_second)

    def _keep(self, key: bytes, level: float, now: float) -> None:
        self._buckets[key] = (level, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > 1 and (now >= self._look_at or len(self._buckets) > self._max_keys):
            self._forget(now)

    def _forget(self, now: float) -> None:
        """Forget who was idle longest, if that bucket is full or there are too many."""
        for _ in range(2):  # more than come at a time: after a crowd they become fewer again
            oldest = next(iter(self._buckets))
            missing = self._burst - self.level(oldest, now)
            if missing > 0 and len(self._buckets) <= self._max_keys:
                fills_in = min(missing, self._burst) / self._per_second if self._per_second else float("inf")
                self._look_at = now + fills_in
                return
            del self._buckets[oldest]


class AddressLimits:
    """An allowance for each source, and one for each network; None: no such limit.

    The unit is the caller's: datagrams a second, or bytes. Up to `burst` seconds' worth may come at once.
    Loopback is free, since a machine's programs share one address; machines of one local network, and
    a provider's customers behind shared addresses (100.64.0.0/10), share a /24 by nature, so that only
    the limit per source holds there.
    """

    def __init__(
        self,
        per_source: float | None,
        per_network: float | None,
        *,
        burst: float = BURST,
        max_keys: int = MAX_KEYS,
    ) -> None:
        self._sources = None if per_source is None else Allowance(per_source, burst * per_source, max_keys)
        self._networks = (
            None if per_network is None else Allowance(per_network, burst * per_network, max_keys)
        )

    def allows(self, ip: bytes, now: float, amount: float = 1.0) -> bool:
        """Whether so much more is within the limits. Counts nothing."""
        return all(allowance.level(key, now) >= amount for allowance, key in self._counted(ip))

    def spend(self, ip: bytes, now: float, amount: float = 1.0) -> None:
        """Count so much, also beyond the limits: for what is only known once it is done."""
        for allowance, key in self._counted(ip):
            allowance.spend(key, now, amount)

    def take(self, ip: bytes, now: float, amount: float = 1.0) -> bool:
        """Whether so much more is within the limits; counts it if so.

        What one source asks beyond its own limit does not count against its network.
        """
        counted = self._counted(ip)
        for allowance, key in counted:
            if allowance.level(key, now) < amount:
                return False
        for allowance, key in counted:
            allowance.spend(key, now, amount)
        return True

    def _counted(self, ip: bytes) -> list[tuple[Allowance, bytes]]:
        scope = _scope(ip)
        if scope == "loopback":
            return []
        counted = []
        if self._sources is not None:
            counted.append((self._sources, source_of(ip)))
        if self._networks is not None and scope == "public":
            counted.append((self._networks, network_of(ip)))
        return counted


class _Network(Generic[Item]):
    """What a network with several items holds: those of each source, the oldest first."""

    __slots__ = ("size", "sources")

    def __init__(self) -> None:
        self.sources: dict[bytes, OrderedDict[Item, None]] = {}
        self.size = 0

    def add(self, source: bytes, item: Item) -> None:
        self.sources.setdefault(source, OrderedDict())[item] = None
        self.size += 1

    def remove(self, source: bytes, item: Item) -> None:
        items = self.sources[source]
        del items[item]
        if not items:
            del self.sources[source]
        self.size -= 1


class Shares(Generic[Item]):
    """Who holds how much of a store, so that when it is full the largest source loses.

    Of the network that holds most, the source that holds most, the item that was added longest ago. Of
    networks that hold as much, the one that has added nothing for longest. Every call takes the same
    short time, however many there are. A network with one item takes some 350 bytes.
    """

    def __init__(self) -> None:
        self._single: OrderedDict[bytes, tuple[bytes, Item]] = OrderedDict()  # networks with one item
        self._several: dict[bytes, _Network[Item]] = {}
        self._by_size: dict[int, OrderedDict[bytes, None]] = {}  # those with several
        self._largest = 1
        self._count = 0

    def __len__(self) -> int:
        """How many items are held, all sources together."""
        return self._count

    def add(self, item: Item, ip: bytes) -> None:
        """`item` came from `ip`. One that is there already becomes young again."""
        self.discard(item, ip)
        self._count += 1
        source, place = source_of(ip), network_of(ip)
        network = self._several.get(place)
        if network is None:
            first = self._single.pop(place, None)
            if first is None:
                self._single[place] = (source, item)
                return
            network = self._several[place] = _Network()
            network.add(*first)
        network.add(source, item)
        self._rank(place, network.size - 1, network.size)

    def discard(self, item: Item, ip: bytes) -> None:
        """`item`, which came from `ip`, is gone. Nothing happens where it was not there."""
        source, place = source_of(ip), network_of(ip)
        if self._single.get(place) == (source, item):
            del self._single[place]
            self._count -= 1
            return
        network = self._several.get(place)
        if network is None or item not in network.sources.get(source, ()):
            return
        network.remove(source, item)
        self._count -= 1
        self._rank(place, network.size + 1, network.size)
        if network.size == 1:
            del self._several[place]
            (last,) = network.sources
            self._single[place] = (last, next(iter(network.sources[last])))

    def held_by(self, ip: bytes) -> int:
        """How many items this address's source holds."""
        source, place = source_of(ip), network_of(ip)
        network = self._several.get(place)
        if network is not None:
            return len(network.sources.get(source, ()))
        return int(place in self._single and self._single[place][0] == source)

    def largest(self) -> Item:
        """Whose turn it is to lose. Raises LookupError where nothing is held."""
        if self._largest > 1:
            sources = self._several[next(iter(self._by_size[self._largest]))].sources
            items = max(islice(sources.values(), SOURCES_COMPARED), key=len)
            return next(iter(items))
        if not self._single:
            raise LookupError("nothing is held")
        return next(iter(self._single.values()))[1]

    def _rank(self, place: bytes, before: int, after: int) -> None:
        """A network with several items, or two of which one has gone, has grown or shrunk by one."""
        if before > 1:
            same = self._by_size[before]
            del same[place]
            if not same:
                del self._by_size[before]
        if after > 1:
            self._by_size.setdefault(after, OrderedDict())[place] = None
        if after > self._largest:
            self._largest = after
        elif self._largest > 1 and self._largest not in self._by_size:
            self._largest -= 1  # to the size of the one that has just shrunk
