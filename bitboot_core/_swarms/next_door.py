"""Peers in our own house, as seen from outside: they wait until the local network has told of them."""

from __future__ import annotations

from collections.abc import Collection

from .._networks.network import ActiveNetwork
from ..backend import Scope
from ..model import KnownHost, Peer


class NextDoor:
    """Those of one lookup that are behind our own outside address.

    Few routers lead there from inside; what the local network tells does. So that comes first.
    """

    def __init__(self, awaited: Collection[ActiveNetwork]) -> None:
        """`awaited`: the networks that may still tell of somebody."""
        self._awaited = awaited
        self._near: set[str] = set()  # the networks that reach as far as the local one
        self._held: list[KnownHost] = []

    def use(self, network: ActiveNetwork) -> None:
        """A network that is asked."""
        if network.is_running and network.scope is Scope.LAN:
            self._near.add(network.name)

    def holds(self, host: KnownHost, network: ActiveNetwork) -> bool:
        """Whether a peer has to wait, of whom `network` tells: it is held then."""
        if not self._near or network.name in self._near or not self._waits():
            return False
        if host.host not in network.seen_at:
            return False
        self._held.append(host)
        return True

    def released(self) -> list[KnownHost]:
        """Those that were held, unless there is still something to wait for."""
        if not self._held or self._waits():
            return []
        held, self._held = self._held, []
        return held

    def nearest_first(self, peers: list[Peer]) -> list[Peer]:
        """The local network's first."""
        return sorted(peers, key=lambda peer: self._near.isdisjoint(peer.sources)) if self._near else peers

    def _waits(self) -> bool:
        return any(one.name in self._near for one in self._awaited)
