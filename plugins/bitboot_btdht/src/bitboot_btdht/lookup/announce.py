"""Announcing a peer (BEP 5, "announce_peer")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .candidates import Candidate
from .network import Network
from .searches import PeerSearch
from .storing import Storing


class TokenSearch(PeerSearch):
    """get_peers for the tokens of those who are to store an announcement: the very closest."""

    may_hurry = True
    is_thorough = True
    is_awaited = False

    def __init__(self, network: Network, info_hash: bytes, family: int, on_done: Callable[[], None]) -> None:
        super().__init__(network, info_hash, family, lambda peers: None, on_done)


class Announce(Storing):
    """get_peers for the tokens, then announce_peer to the closest nodes. Reports how many stored it.

    `port` 0 sends `implied_port`: the port that the nodes see our datagrams come from. `seed`: with the flag
    of one who has the whole torrent (BEP 33).
    """

    method = b"announce_peer"

    def __init__(
        self,
        network: Network,
        info_hash: bytes,
        family: int,
        port: int,
        on_done: Callable[[int], None],
        *,
        seed: bool = False,
    ) -> None:
        super().__init__(TokenSearch(network, info_hash, family, self.store), on_done)
        self._info_hash = info_hash
        self._port = port
        self._seed = seed

    def arguments(self, candidate: Candidate) -> dict[bytes, Any]:
        """Our port, under the info-hash."""
        arguments: dict[bytes, Any] = {
            b"info_hash": self._info_hash,
            b"port": self._port or 1,  # ignored with implied_port, but clients refuse a 0 all the same
        }
        if not self._port:
            arguments[b"implied_port"] = 1
        if self._seed:
            arguments[b"seed"] = 1
        return arguments
