"""The peers that others announced here: each with its end, all of them capped and fairly shared."""

from __future__ import annotations

import random

from bitboot_core.aio.limits import Shares, source_of

from ..settings import Settings
from ..wire.compact import Address, family

COUNTED = 64
"""A hash with more peers than this keeps count of who holds how many of them."""


class _Swarm:
    """The peers under one hash, with their ends, the one that ends first in front."""

    __slots__ = ("peers", "shares")

    def __init__(self) -> None:
        self.peers: dict[Address, float] = {}
        self.shares: Shares[Address] | None = None

    def add(self, peer: Address, ends: float) -> None:
        self.peers.pop(peer, None)  # so that the dict stays in order of end
        self.peers[peer] = ends
        if self.shares is not None:
            self.shares.add(peer, peer[:-2])
        elif len(self.peers) > COUNTED:
            self.shares = Shares()
            for each in self.peers:
                self.shares.add(each, each[:-2])

    def remove(self, peer: Address) -> None:
        del self.peers[peer]
        if self.shares is not None:
            self.shares.discard(peer, peer[:-2])

    def held_by(self, peer: Address) -> int:
        """How many peers the source of `peer` has here: an IPv4 address, or an IPv6 /64."""
        if self.shares is not None:
            return self.shares.held_by(peer[:-2])
        source = source_of(peer[:-2])
        return sum(source_of(other[:-2]) == source for other in self.peers)

    def largest(self) -> Address:
        """The peer that makes room for another."""
        return next(iter(self.peers)) if self.shares is None else self.shares.largest()


class PeerStore:
    """Peers by info-hash. Times are the node's clock, in seconds.

    Nothing here grows without bound, and nobody can push others out by announcing much: where a hash is
    full, or there are too many hashes, or peers in all, the network (/24, or /48 of IPv6) that holds most
    loses, in it the source (address, or /64) that holds most, and of its peers the one that was announced
    longest ago.
    """

    def __init__(self, settings: Settings, rng: random.Random) -> None:
        self._settings = settings
        self._rng = rng
        self._swarms: dict[bytes, _Swarm] = {}
        self._shares: Shares[tuple[bytes, Address]] = Shares()

    def __len__(self) -> int:
        """How many peers are stored, all hashes together."""
        return len(self._shares)

    @property
    def hashes(self) -> int:
        """How many info-hashes have peers."""
        return len(self._swarms)

    def add(self, info_hash: bytes, peer: Address, now: float) -> bool:
        """Store `peer`, or renew it. False where its source has used up its share of this hash."""
        swarm = self._swarms.get(info_hash)
        if swarm is not None and peer not in swarm.peers:
            self._expire(info_hash, swarm, now)
            per_source = self._settings.max_ports_per_ip
            if per_source is not None and swarm.held_by(peer) >= per_source:
                return False
            if len(swarm.peers) >= self._settings.max_peers_per_hash:
                self._remove(info_hash, swarm, swarm.largest())
        swarm = self._swarms.setdefault(info_hash, _Swarm())
        swarm.add(peer, now + self._settings.peer_lifetime)
        self._shares.add((info_hash, peer), peer[:-2])
        while len(self._swarms) > self._settings.max_hashes or len(self._shares) > self._settings.max_peers:
            of, loser = self._shares.largest()
            self._remove(of, self._swarms[of], loser)
        return True

    def get(self, info_hash: bytes, ip_family: int, limit: int, now: float) -> list[Address]:
        """At most `limit` peers of one family; a random sample where there are more."""
        swarm = self._swarms.get(info_hash)
        if swarm is None:
            return []
        self._expire(info_hash, swarm, now)
        found = [peer for peer in swarm.peers if family(peer) == ip_family]
        return found if len(found) <= limit else self._rng.sample(found, limit)

    def expire(self, now: float) -> None:
        """Forget every peer whose time is up."""
        for info_hash, swarm in list(self._swarms.items()):
            self._expire(info_hash, swarm, now)

    def _expire(self, info_hash: bytes, swarm: _Swarm, now: float) -> None:
        # All get the same lifetime, so the first in the dict is always the first to end.
        while swarm.peers:
            first = next(iter(swarm.peers))
            if swarm.peers[first] > now:
                return
            self._remove(info_hash, swarm, first)

    def _remove(self, info_hash: bytes, swarm: _Swarm, peer: Address) -> None:
        swarm.remove(peer)
        self._shares.discard((info_hash, peer), peer[:-2])
        if not swarm.peers:
            del self._swarms[info_hash]
