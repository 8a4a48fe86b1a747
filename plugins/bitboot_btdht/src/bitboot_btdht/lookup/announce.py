"""Announcing a peer (BEP 5, "announce_peer")."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..asking.transactions import Outcome
from ..wire import krpc
from .candidates import Candidate
from .searches import Network, PeerSearch


class Announce:
    """get_peers for the tokens, then announce_peer to the closest nodes. Reports how many stored it.

    `port` 0 sends `implied_port`: the port that the nodes see our datagrams come from. `seed`: with the flag
    of one who has the whole torrent (BEP 33).
    """

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
        self._network = network
        self._info_hash = info_hash
        self._port = port
        self._seed = seed
        self._on_done = on_done
        self._search = PeerSearch(network, info_hash, family, lambda peers: None, self._store)
        self._pending = 0
        self._stored = 0
        self._spare: list[Candidate] = []
        self._done = False

    def start(self) -> None:
        """Begin."""
        self._search.start()

    def cancel(self) -> None:
        """Stop asking; call nobody."""
        self._done = True
        self._search.cancel()

    def _store(self) -> None:
        chosen = self._search.traversal.storing_nodes()
        self._spare = [
            candidate
            for candidate in self._search.traversal.answers
            if candidate.token is not None and candidate not in chosen
        ]
        for candidate in chosen:
            self._announce_to(candidate, tries=2)
        self._check()

    def _announce_to(self, candidate: Candidate, tries: int) -> None:
        arguments: dict[bytes, Any] = {
            b"info_hash": self._info_hash,
            b"port": self._port or 1,  # ignored with implied_port, but clients refuse a 0 all the same
            b"token": candidate.token,
        }
        if not self._port:
            arguments[b"implied_port"] = 1
        if self._seed:
            arguments[b"seed"] = 1
        sent = self._network.ask(
            candidate.address,
            b"announce_peer",
            arguments,
            lambda outcome: self._settle(candidate, outcome, tries - 1),
            wanted=lambda: not self._done,
            turn=self._search.turn,
        )
        if sent:
            self._pending += 1

    def _settle(self, candidate: Candidate, outcome: Outcome, tries: int) -> None:
        self._pending -= 1
        if self._done:
            return
        if isinstance(outcome, krpc.Response):
            self._stored += 1
        elif outcome is None and tries:
            self._announce_to(candidate, tries)  # lost on the way, most likely
        elif self._spare:
            self._announce_to(self._spare.pop(0), tries=1)
        self._check()

    def _check(self) -> None:
        if not self._pending and not self._done:
            self._done = True
            self._on_done(self._stored)
