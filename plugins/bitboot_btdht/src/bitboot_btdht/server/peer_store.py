"""The peers that others announced here: each with its end, all of them capped and fairly shared."""

from __future__ import annotations

import random
from collections.abc import Iterable

from bitboot_core.aio.limits import Shares, source_of

from ..settings import Settings
from ..wire.compact import Address, family
from .lots import Lots
from .scrapes import Filters

COUNTED = 64
"""A hash with more peers than this keeps count of who holds how many of them, and lots to draw some by."""


class _Swarm:
    """The peers under one hash, with their ends, the one that ends first in front."""

    __slots__ = ("filters", "lots", "peers", "seeds", "shares")

    def __init__(self) -> None:
        self.peers: dict[Address, float] = {}
        self.seeds: set[Address] | None = None  # of most keys nobody says so
        self.shares: Shares[Address] | None = None
        self.lots: dict[int, Lots] | None = None  # by IP version, as long as there are shares
        self.filters: dict[int, Filters] = {}  # by IP version, of those that were asked for

    def add(self, peer: Address, ends: float, *, seed: bool) -> None:
        is_new = self.peers.pop(peer, None) is None  # so that the dict stays in order of end
        self.peers[peer] = ends
        changed = seed != self.is_seed(peer)
        if changed and seed:
            self.seeds = self.seeds or set()
            self.seeds.add(peer)
        elif changed and self.seeds is not None:
            self.seeds.discard(peer)
        filters = self.filters.get(family(peer)) if is_new or changed else None
        if filters is not None:
            filters.add(peer, seed=seed, is_new=is_new)
        if self.shares is not None and self.lots is not None:
            self.shares.add(peer, peer[:-2])
            self.lots[family(peer)].add(peer)
        elif len(self.peers) > COUNTED:
            self.shares, self.lots = Shares(), {4: Lots(), 6: Lots()}
            for each in self.peers:
                self.shares.add(each, each[:-2])
                self.lots[family(each)].add(each)

    def remove(self, peer: Address) -> None:
        del self.peers[peer]
        if self.seeds is not None:
            self.seeds.discard(peer)
        if self.filters and (filters := self.filters.get(family(peer))) is not None:
            filters.removed()
        if self.shares is not None and self.lots is not None:
            self.shares.discard(peer, peer[:-2])
            self.lots[family(peer)].discard(peer)

    def is_seed(self, peer: Address) -> bool:
        return self.seeds is not None and peer in self.seeds

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

    def __contains__(self, info_hash: bytes) -> bool:
        """Whether an info-hash has peers, or had some until lately."""
        return info_hash in self._swarms

    @property
    def hashes(self) -> int:
        """How many info-hashes have peers."""
        return len(self._swarms)

    def add(self, info_hash: bytes, peer: Address, now: float, *, seed: bool = False) -> bool:
        """Store `peer`, or renew it. False where its source has used up its share of this hash.

        `seed`: it has the whole torrent (BEP 33).
        """
        swarm = self._swarms.get(info_hash)
        if swarm is not None and peer not in swarm.peers:
            self._expire(info_hash, swarm, now)
            per_source = self._settings.max_ports_per_ip
            if per_source is not None and swarm.held_by(peer) >= per_source:
                return False
            if len(swarm.peers) >= self._settings.max_peers_per_hash:
                self._remove(info_hash, swarm, swarm.largest())
        swarm = self._swarms.setdefault(info_hash, _Swarm())
        swarm.add(peer, now + self._settings.peer_lifetime, seed=seed)
        self._shares.add((info_hash, peer), peer[:-2])
        while len(self._swarms) > self._settings.max_hashes or len(self._shares) > self._settings.max_peers:
            of, loser = self._shares.largest()
            self._remove(of, self._swarms[of], loser)
        return True

    def get(
        self, info_hash: bytes, ip_family: int, limit: int, now: float, *, no_seeds: bool = False
    ) -> list[Address]:
        """At most `limit` peers of one family; a random sample where there are more.

        `no_seeds`: seeds only where the others leave room (BEP 33's `noseed`).
        """
        swarm = self._swarms.get(info_hash)
        if swarm is None:
            return []
        self._expire(info_hash, swarm, now)
        if swarm.lots is not None and not (no_seeds and swarm.seeds):
            return swarm.lots[ip_family].draw(limit, self._rng)
        found = [peer for peer in swarm.peers if family(peer) == ip_family]
        if len(found) <= limit:
            return found
        if no_seeds and swarm.seeds:
            others = [peer for peer in found if peer not in swarm.seeds]
            if len(others) < limit:
                seeds = [peer for peer in found if peer in swarm.seeds]
                return others + self._rng.sample(seeds, limit - len(others))
            found = others
        return self._rng.sample(found, limit)

    def scrape(self, info_hash: bytes, ip_family: int, now: float) -> tuple[int, int] | None:
        """The filters of the seeds and of the other peers under a hash (BEP 33); None where it has none.

        Of one family, as `get` gives peers: IPv4 and IPv6 are two DHTs (BEP 32).
        """
        swarm = self._swarms.get(info_hash)
        if swarm is None:
            return None
        self._expire(info_hash, swarm, now)
        filters = swarm.filters.get(ip_family)
        if filters is None or filters.is_stale(now):
            peers = [peer for peer in swarm.peers if family(peer) == ip_family]
            filters = Filters(peers, swarm.is_seed, now)
            if len(peers) > COUNTED:  # a small swarm's take no time to make, and there may be many
                swarm.filters[ip_family] = filters
            else:
                swarm.filters.pop(ip_family, None)
        return (filters.seeds, filters.others) if filters.seeds or filters.others else None

    def announced_by(self, sources: int, now: float) -> list[bytes]:
        """The hashes with peers of at least that many sources: IPv4 addresses, or /64s of IPv6."""
        self.expire(now)
        return [
            info_hash
            for info_hash, swarm in self._swarms.items()
            if len(swarm.peers) >= sources and _has_sources(swarm.peers, sources)
        ]

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


def _has_sources(peers: Iterable[Address], wanted: int) -> bool:
    """Whether these are of at least so many sources."""
    found: set[bytes] = set()
    for peer in peers:
        found.add(source_of(peer[:-2]))
        if len(found) >= wanted:
            return True
    return False
