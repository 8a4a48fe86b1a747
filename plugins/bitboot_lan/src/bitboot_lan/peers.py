"""Who was heard in which swarm, and for how long that holds. No sockets, no clock."""

from __future__ import annotations

from collections.abc import Callable

from bitboot_core import KnownHost
from bitboot_core.aio.limits import Shares, packed

from .settings import Settings

Held = tuple[bytes, KnownHost]
"""A key, and a peer that was heard under it."""


class Peers:
    """The peers of all swarms that were heard of, with caps: strangers announce whatever they like."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys: dict[bytes, dict[KnownHost, float]] = {}
        self._shares: Shares[Held] = Shares()

    def __len__(self) -> int:
        return len(self._shares)

    @property
    def keys(self) -> int:
        """How many swarms have peers here."""
        return len(self._keys)

    def heard(self, key: bytes, peer: KnownHost, lifetime: float | None, now: float) -> bool:
        """A peer announced itself for `lifetime` seconds, None where it did not say. Whether it is new.

        Without a word of its own it lapses after two announcement periods.
        """
        wanted = 2 * self._settings.period if lifetime is None else lifetime
        expires = now + min(max(wanted, 1.0), self._settings.longest_kept)
        peers = self._keys.setdefault(key, {})
        is_new = peers.get(peer, now) <= now
        if peer not in peers:
            self._make_room(key, peer)
            peers = self._keys.setdefault(key, {})
        peers.pop(peer, None)  # to the end: of those that have to go, the one heard first does
        peers[peer] = expires
        self._shares.add((key, peer), packed(peer.host))
        if len(self._shares) > self._settings.max_peers:
            self._drop(*self._shares.largest())
        return is_new

    def left(self, key: bytes, peer: KnownHost) -> None:
        """A peer said goodbye."""
        self._drop(key, peer)

    def of(self, key: bytes, now: float) -> list[KnownHost]:
        """The peers of a swarm, those heard last at the end."""
        return [peer for peer, expires in self._keys.get(key, {}).items() if expires > now]

    def expire(self, now: float) -> None:
        """Forget whoever was not heard for too long."""
        gone = [(key, peer) for key, peers in self._keys.items() for peer, end in peers.items() if end <= now]
        for key, peer in gone:
            self._drop(key, peer)

    def keep(self, is_still_there: Callable[[str], bool]) -> None:
        """Forget all whose hosts are not."""
        gone = [(key, peer) for key, peers in self._keys.items() for peer in peers]
        for key, peer in gone:
            if not is_still_there(peer.host):
                self._drop(key, peer)

    def _make_room(self, key: bytes, peer: KnownHost) -> None:
        """Of one machine's many ports the one heard first goes, and so it does in a swarm that is full."""
        peers = self._keys[key]
        ports = [known for known in peers if known.host == peer.host]
        if len(ports) >= self._settings.max_ports:
            self._drop(key, ports[0])
        elif len(peers) >= self._settings.max_peers_per_key:
            hosts: dict[str, list[KnownHost]] = {}
            for known in peers:
                hosts.setdefault(known.host, []).append(known)
            self._drop(key, max(hosts.values(), key=len)[0])

    def _drop(self, key: bytes, peer: KnownHost) -> None:
        peers = self._keys.get(key, {})
        if peers.pop(peer, None) is not None:
            self._shares.discard((key, peer), packed(peer.host))
        if not peers:
            self._keys.pop(key, None)
