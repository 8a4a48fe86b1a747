"""The peers that others announced here: each with its end, all of them capped."""

from __future__ import annotations

import random
from collections import OrderedDict

from ..settings import Settings
from ..wire.compact import Address, family


class PeerStore:
    """Peers by info-hash. Times are the node's clock, in seconds.

    Nothing here grows without bound: when a hash is full its peer that ends soonest makes room;
    when there are too many hashes, or peers in all, the hash that was announced longest ago goes.
    """

    def __init__(self, settings: Settings, rng: random.Random) -> None:
        self._settings = settings
        self._rng = rng
        self._hashes: OrderedDict[bytes, dict[Address, float]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        """How many peers are stored, all hashes together."""
        return self._size

    @property
    def hashes(self) -> int:
        """How many info-hashes have peers."""
        return len(self._hashes)

    def add(self, info_hash: bytes, peer: Address, now: float) -> bool:
        """Store `peer`, or renew it. False where its IP has used up its share of this hash."""
        peers = self._hashes.get(info_hash)
        if peers is None:
            peers = self._hashes[info_hash] = {}
        renewed = peers.pop(peer, None) is not None  # popped, so that the dict stays in order of end
        if renewed:
            self._size -= 1
        elif not self._has_room(peers, peer, now):
            return False
        peers[peer] = now + self._settings.peer_lifetime
        self._size += 1
        self._hashes.move_to_end(info_hash)
        while len(self._hashes) > self._settings.max_hashes or (
            self._size > self._settings.max_peers and len(self._hashes) > 1
        ):
            _, dropped = self._hashes.popitem(last=False)
            self._size -= len(dropped)
        return True

    def _has_room(self, peers: dict[Address, float], peer: Address, now: float) -> bool:
        self._expire(peers, now)
        per_ip = self._settings.max_ports_per_ip
        if per_ip is not None and sum(other[:-2] == peer[:-2] for other in peers) >= per_ip:
            return False
        if len(peers) >= self._settings.max_peers_per_hash:
            del peers[next(iter(peers))]
            self._size -= 1
        return True

    def get(self, info_hash: bytes, ip_family: int, limit: int, now: float) -> list[Address]:
        """At most `limit` peers of one family; a random sample where there are more."""
        peers = self._hashes.get(info_hash)
        if peers is None:
            return []
        self._expire(peers, now)
        if not peers:
            del self._hashes[info_hash]
            return []
        found = [peer for peer in peers if family(peer) == ip_family]
        return found if len(found) <= limit else self._rng.sample(found, limit)

    def expire(self, now: float) -> None:
        """Forget every peer whose time is up."""
        for info_hash, peers in list(self._hashes.items()):
            self._expire(peers, now)
            if not peers:
                del self._hashes[info_hash]

    def _expire(self, peers: dict[Address, float], now: float) -> None:
        # All get the same lifetime, so the first in the dict is always the first to end.
        while peers:
            first = next(iter(peers))
            if peers[first] > now:
                return
            del peers[first]
            self._size -= 1
