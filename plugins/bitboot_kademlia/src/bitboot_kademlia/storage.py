"""The peers that were announced here: a set under each key, each peer with an end of its own.

A peer is kept under its *commitment*, a hash of a secret that only its announcer knows. Whoever
shows the secret has announced it, and may withdraw it. Of what is withdrawn the secret is kept
until the peer would have lapsed, so that nobody hands it back, and others can be shown the proof.
"""

from __future__ import annotations

import hashlib
import heapq
import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from .settings import Settings
from .wire import COMMITMENT_BYTES, HandedRecord, pack_record

SWEEP_AT_MOST_EVERY = 1.0
"""Seconds between looks for what has lapsed while the store is full."""

LOOPBACK = "loopback"
"""The source of whatever comes from this machine itself. It has no share, since all here have its address."""


def commit(secret: bytes) -> bytes:
    """The commitment to `secret`."""
    return hashlib.blake2b(secret, digest_size=COMMITMENT_BYTES, person=b"bitboot").digest()


@lru_cache(4_096)
def source_of(host: str) -> str:
    """What one IP address is counted as: IPv4 itself, IPv6 its /64, which one household has."""
    address = ipaddress.ip_address(host)
    if address.is_loopback:
        return LOOPBACK
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


@dataclass(slots=True)
class Record:
    """One announcement of an endpoint. `secret` is known once it is withdrawn."""

    commitment: bytes
    endpoint: bytes
    expires: float
    source: str
    secret: bytes | None = None
    number: int = 0


@dataclass(slots=True)
class _Set:
    first_source: str
    records: dict[tuple[bytes, bytes], Record] = field(default_factory=dict)
    sources: Counter[str] = field(default_factory=Counter)
    fingerprint: int = 0


class PeerStore:
    """Peers by key. Lifetimes are in seconds; `now` gives the time.

    Nothing here grows without bound: what does not fit is refused, so that nobody can push out
    what is there, and no source can have more than its share.
    """

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._sets: dict[bytes, _Set] = {}
        self._sources: Counter[str] = Counter()
        self._key_sources: Counter[str] = Counter()
        self._size = 0
        self._number = 0
        self._swept = now()

    def __len__(self) -> int:
        """How many peers are held, all keys together."""
        return self._size

    @property
    def keys(self) -> int:
        """How many keys have peers."""
        return len(self._sets)

    def announce(self, key: bytes, endpoint: bytes, commitment: bytes, lifetime: float, source: str) -> float:
        """Keep a peer, or keep it longer; the lifetime granted, 0 where it is refused.

        A renewal never shortens a life: commitments travel in the open, so others could send one.
        """
        granted = min(lifetime, self._settings.max_lifetime)
        expires = self._now() + granted
        record = self._find(key, commitment, endpoint)
        if record is not None:
            if record.secret is not None:
                return 0.0
            record.expires = max(record.expires, expires)
            return granted
        return granted if self._add(key, Record(commitment, endpoint, expires, source)) else 0.0

    def withdraw(self, key: bytes, secret: bytes) -> bool:
        """Take back what was announced with the commitment to `secret`; whether there was any."""
        commitment = commit(secret)
        peers = self._sets.get(key)
        records = (
            [] if peers is None else [one for one in peers.records.values() if one.commitment == commitment]
        )
        for record in records:
            self._mark_withdrawn(key, record, secret)
        return bool(records)

    def hand(self, key: bytes, record: HandedRecord, source: str) -> None:
        """Keep what another node holds. Never prolongs what is here; believes no withdrawal without proof."""
        if record.secret is not None and commit(record.secret) != record.commitment:
            return
        known = self._find(key, record.commitment, record.endpoint)
        if known is None:
            lifetime = min(record.lifetime, self._settings.max_lifetime)
            if lifetime >= self._settings.min_handed_lifetime:
                expires = self._now() + lifetime
                self._add(key, Record(record.commitment, record.endpoint, expires, source, record.secret))
        elif record.secret is not None:
            self._mark_withdrawn(key, known, record.secret)

    def peers(self, key: bytes, after: int, budget: int) -> tuple[bytes, int]:
        """The endpoints under `key` from number `after` on, packed into at most `budget` bytes.

        With the number to go on after, 0 where these were the last.
        """
        return self._page(key, after, budget, lambda one, left: one.endpoint if one.secret is None else b"")

    def records(self, key: bytes, after: int, budget: int) -> tuple[bytes, int]:
        """The same with all that another node needs to hold them too, what was withdrawn included."""
        least = self._settings.min_handed_lifetime

        def pack(one: Record, left: float) -> bytes:
            handed = HandedRecord(one.commitment, int(left), one.secret, one.endpoint)
            return pack_record(handed) if left >= least else b""

        return self._page(key, after, budget, pack)

    def _page(
        self, key: bytes, after: int, budget: int, pack: Callable[[Record, float], bytes]
    ) -> tuple[bytes, int]:
        peers = self._sets.get(key)
        if peers is None:
            return b"", 0
        now = self._now()
        page = bytearray()
        last = after
        for record in peers.records.values():
            if record.number > after and record.expires > now:
                packed = pack(record, record.expires - now)
                if len(page) + len(packed) > budget:
                    return bytes(page), last
                page += packed
                last = record.number
        return bytes(page), 0

    def fingerprint(self, key: bytes) -> int:
        """A number of 64 bits: where two nodes have the same they hold the same. 0 where there is nothing."""
        peers = self._sets.get(key)
        return peers.fingerprint if peers is not None else 0

    def nearest_keys(self, target: int, beyond: int, count: int) -> list[bytes]:
        """At most `count` keys, nearest to `target` first, of those at a distance of more than `beyond`."""
        far = ((int.from_bytes(key, "big") ^ target, key) for key in self._sets)
        return [key for _, key in heapq.nsmallest(count, (one for one in far if one[0] > beyond))]

    def sweep(self) -> None:
        """Forget what has lapsed."""
        now = self._swept = self._now()
        for key, peers in list(self._sets.items()):
            for record in [one for one in peers.records.values() if one.expires <= now]:
                self._drop(key, peers, record)

    def _find(self, key: bytes, commitment: bytes, endpoint: bytes) -> Record | None:
        """What is kept and has not lapsed."""
        peers = self._sets.get(key)
        record = peers.records.get((commitment, endpoint)) if peers is not None else None
        if peers is not None and record is not None and record.expires <= self._now():
            self._drop(key, peers, record)
            return None
        return record

    def _add(self, key: bytes, record: Record) -> bool:
        if not self._has_room(key, record.source):
            if self._now() < self._swept + SWEEP_AT_MOST_EVERY:
                return False
            self.sweep()
            if not self._has_room(key, record.source):
                return False
        self._number += 1
        record.number = self._number
        peers = self._sets.get(key)
        if peers is None:
            peers = self._sets[key] = _Set(record.source)
            self._key_sources[record.source] += 1
        peers.records[record.commitment, record.endpoint] = record
        peers.fingerprint ^= _trace(record)
        peers.sources[record.source] += 1
        self._sources[record.source] += 1
        self._size += 1
        return True

    def _has_room(self, key: bytes, source: str) -> bool:
        settings = self._settings
        peers = self._sets.get(key)
        is_known = peers is not None
        held, held_of_source = (len(peers.records), peers.sources[source]) if peers is not None else (0, 0)
        fits = (
            self._size < settings.max_peers
            and held < settings.max_peers_per_key
            and (is_known or len(self._sets) < settings.max_keys)
        )
        return fits and (
            source == LOOPBACK
            or (
                self._sources[source] < settings.max_peers_per_source
                and held_of_source < settings.max_peers_per_key_and_source
                and (is_known or self._key_sources[source] < settings.max_keys_per_source)
            )
        )

    def _mark_withdrawn(self, key: bytes, record: Record, secret: bytes) -> None:
        if record.secret is None:
            peers = self._sets[key]
            peers.fingerprint ^= _trace(record)
            record.secret = secret
            peers.fingerprint ^= _trace(record)

    def _drop(self, key: bytes, peers: _Set, record: Record) -> None:
        del peers.records[record.commitment, record.endpoint]
        peers.fingerprint ^= _trace(record)
        _count_off(peers.sources, record.source)
        _count_off(self._sources, record.source)
        self._size -= 1
        if not peers.records:
            del self._sets[key]
            _count_off(self._key_sources, peers.first_source)


def _count_off(sources: Counter[str], source: str) -> None:
    sources[source] -= 1
    if not sources[source]:
        del sources[source]


def _trace(record: Record) -> int:
    """What a record adds to its set's fingerprint: a part of the commitment, itself as good as random."""
    part = record.commitment[:8] if record.secret is None else record.commitment[8:]
    return int.from_bytes(part, "big")
