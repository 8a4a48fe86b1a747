"""The peers that were announced here: a set under each key, each peer with an end of its own.

A peer is kept under its *commitment*, a hash of a secret that only its announcer knows. Whoever
shows the secret has announced it, and may withdraw it. Of what is withdrawn the secret is kept
until the peer would have lapsed, so that nobody hands it back, and others can be shown the proof.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from bitboot_core.aio.limits import Shares, source_of

from .key_index import KeyIndex
from .settings import Settings
from .wire import COMMITMENT_BYTES, HandedRecord, pack_record

SWEEP_AT_MOST_EVERY = 1.0
"""Seconds between looks for what has lapsed while the store is full."""

_Name = tuple[bytes, bytes]
"""A record's commitment and endpoint."""


def commit(secret: bytes) -> bytes:
    """The commitment to `secret`."""
    return hashlib.blake2b(secret, digest_size=COMMITMENT_BYTES, person=b"bitboot").digest()


@dataclass(slots=True)
class Record:
    """One announcement of an endpoint. `secret` is known once it is withdrawn; `ip`: who brought it."""

    commitment: bytes
    endpoint: bytes
    expires: float
    ip: bytes
    secret: bytes | None = None
    number: int = 0

    @property
    def name(self) -> _Name:
        """What it is known by under its key."""
        return self.commitment, self.endpoint


@dataclass(slots=True)
class _Set:
    """`ip`: whom the key is counted for."""

    ip: bytes
    records: dict[_Name, Record] = field(default_factory=dict)
    shares: Shares[_Name] | None = None  # once it is full
    fingerprint: int = 0


class PeerStore:
    """Peers by key. Lifetimes are in seconds; `now` gives the time; addresses are packed bytes.

    Nothing here grows without bound. Where something is full, the source that holds most of it loses
    what it brought first, and if that is who brings something now, it is refused: see `Shares`.
    """

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._sets: dict[bytes, _Set] = {}
        self._index = KeyIndex()
        self._keys: Shares[bytes] = Shares()
        self._records: Shares[tuple[bytes, _Name]] = Shares()
        self._number = 0
        self._swept = now()

    def __len__(self) -> int:
        """How many peers are held, all keys together."""
        return len(self._records)

    @property
    def keys(self) -> int:
        """How many keys have peers."""
        return len(self._sets)

    def announce(self, key: bytes, endpoint: bytes, commitment: bytes, lifetime: float, ip: bytes) -> float:
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
        return granted if self._add(key, Record(commitment, endpoint, expires, ip)) else 0.0

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

    def hand(self, key: bytes, record: HandedRecord, ip: bytes) -> bool:
        """Keep what another node holds; whether that is news.

        Never prolongs what is here; believes no withdrawal without proof.
        """
        if record.secret is not None and commit(record.secret) != record.commitment:
            return False
        known = self._find(key, record.commitment, record.endpoint)
        if known is None:
            lifetime = min(record.lifetime, self._settings.max_lifetime)
            if lifetime >= self._settings.min_handed_lifetime:
                expires = self._now() + lifetime
                fresh = Record(record.commitment, record.endpoint, expires, ip, record.secret)
                return self._add(key, fresh)
        elif record.secret is not None and known.secret is None:
            self._mark_withdrawn(key, known, record.secret)
            return True
        return False

    def peers(self, key: bytes, after: int, budget: int) -> tuple[bytes, int]:
        """The endpoints under `key` from number `after` on, packed into at most `budget` bytes.

        With the number to go on after, 0 where these were the last. One that is longer than that by
        itself is left out.
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
                    if page:
                        return bytes(page), last
                    continue
                page += packed
                last = record.number
        return bytes(page), 0

    def fingerprint(self, key: bytes) -> int:
        """A number of 64 bits: where two nodes have the same they hold the same. 0 where there is nothing."""
        peers = self._sets.get(key)
        return peers.fingerprint if peers is not None else 0

    def nearest_keys(self, target: int, beyond: int, count: int) -> list[bytes]:
        """At most `count` keys, nearest to `target` first, of those at a distance of more than `beyond`."""
        return list(islice(self._index.nearest(target, beyond), count))

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
        if not self._make_room(key, record.ip):
            return False
        self._number += 1
        record.number = self._number
        peers = self._sets.get(key)
        if peers is None:
            peers = self._sets[key] = _Set(record.ip)
            self._index.add(key)
            self._keys.add(key, record.ip)
        peers.records[record.name] = record
        peers.fingerprint ^= _trace(record)
        if peers.shares is not None:
            peers.shares.add(record.name, record.ip)
        self._records.add((key, record.name), record.ip)
        return True

    def _make_room(self, key: bytes, ip: bytes) -> bool:
        """Room for one record more under `key`; False where it is the bringer who holds most."""
        if self._is_full(key) and self._now() >= self._swept + SWEEP_AT_MOST_EVERY:
            self.sweep()
        if key not in self._sets and len(self._sets) >= self._settings.max_keys:
            return self._drop_a_key(ip) and self._make_room(key, ip)
        peers = self._sets.get(key)
        if peers is not None and len(peers.records) >= self._settings.max_peers_per_key:
            if peers.shares is None:
                peers.shares = Shares()
                for record in peers.records.values():
                    peers.shares.add(record.name, record.ip)
            return self._replace(key, peers.shares.largest(), ip)
        return len(self) < self._settings.max_peers or self._replace(*self._records.largest(), ip)

    def _is_full(self, key: bytes) -> bool:
        peers = self._sets.get(key)
        return len(self) >= self._settings.max_peers or (
            len(self._sets) >= self._settings.max_keys
            if peers is None
            else len(peers.records) >= self._settings.max_peers_per_key
        )

    def _replace(self, key: bytes, name: _Name, ip: bytes) -> bool:
        """Drop a record for what comes from `ip`, unless both are of one source."""
        peers = self._sets[key]
        record = peers.records[name]
        if source_of(record.ip) == source_of(ip):
            return False
        self._drop(key, peers, record)
        return True

    def _drop_a_key(self, ip: bytes) -> bool:
        """Drop the first key of the source that has most of them; False where that is the bringer.

        A key under which somebody who has fewer keys has peers too is counted for that one from now on.
        """
        while len(self._sets) >= self._settings.max_keys:
            key = self._keys.largest()
            peers = self._sets[key]
            if source_of(peers.ip) == source_of(ip):
                return False
            heir = min((one.ip for one in peers.records.values()), key=self._keys.held_by)
            # Only where that evens things out, so that it comes to an end.
            if self._keys.held_by(heir) + 1 < self._keys.held_by(peers.ip):
                self._keys.discard(key, peers.ip)
                peers.ip = heir
                self._keys.add(key, heir)
            else:
                for record in list(peers.records.values()):
                    self._drop(key, peers, record)
        return True

    def _mark_withdrawn(self, key: bytes, record: Record, secret: bytes) -> None:
        if record.secret is None:
            peers = self._sets[key]
            peers.fingerprint ^= _trace(record)
            record.secret = secret
            peers.fingerprint ^= _trace(record)

    def _drop(self, key: bytes, peers: _Set, record: Record) -> None:
        del peers.records[record.name]
        peers.fingerprint ^= _trace(record)
        if peers.shares is not None:
            peers.shares.discard(record.name, record.ip)
        self._records.discard((key, record.name), record.ip)
        if not peers.records:
            del self._sets[key]
            self._index.remove(key)
            self._keys.discard(key, peers.ip)


def _trace(record: Record) -> int:
    """What a record adds to its set's fingerprint: a part of the commitment, itself as good as random."""
    part = record.commitment[:8] if record.secret is None else record.commitment[8:]
    return int.from_bytes(part, "big")
