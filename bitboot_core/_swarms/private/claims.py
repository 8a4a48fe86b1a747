"""Endpoints that are claimed to be members' nodes, and what came of asking them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ...aio.limits import Shares
from ...model import KnownHost
from .epochs import EpochKeys, Epochs
from .half_open import address_of
from .introduction import Introduction
from .session import Session

MAX_CLAIMS = 4096
"""Claims that are followed at a time: the source that claims most loses its oldest."""

CALLED = 64
"""Claims that are called in one round: those that were silent least often."""

MAX_PAUSE = 64
"""Rounds between two calls of a claim that has been silent for long, at most."""


@dataclass(slots=True, eq=False)
class Claim:
    """Somebody is said to be there.

    `session`: the newest with whoever is there, which may have ended. `silent`: how often in a row nothing
    was proved. `is_own`: it is ourselves. `begun`: our handshake, whose first message was not answered yet.
    `proved`: is set when whoever is there proves to be a member, for those who wait for that. `tries`,
    `settled`: see `line`.
    """

    endpoint: KnownHost
    keys: EpochKeys
    session: Session | None = None
    silent: int = 0
    is_own: bool = False
    begun: Introduction | None = None
    proved: asyncio.Event | None = None
    tries: int = 0
    settled: list[Callable[[Claim], object]] = field(default_factory=list)

    def is_due(self, number: int) -> bool:
        """Whether it is called in this round: ever more rarely, and in rounds that others choose too."""
        pause = min(MAX_PAUSE, 1 << min(self.silent // 6, 16))
        return number % pause == 0


class Claims:
    """The claims of one network."""

    def __init__(self) -> None:
        self._claims: dict[KnownHost, Claim] = {}
        self._shares: Shares[KnownHost] = Shares()
        self._proved: dict[KnownHost, Session] = {}

    def __len__(self) -> int:
        return len(self._claims)

    def __iter__(self) -> Iterator[Claim]:
        return iter(list(self._claims.values()))

    def add(self, endpoint: KnownHost, keys: EpochKeys) -> Claim:
        """A claim, known or new, found under these keys."""
        claim = self._claims.get(endpoint)
        if claim is None:
            if len(self._claims) >= MAX_CLAIMS:
                self._drop(self._shares.largest())
            claim = self._claims[endpoint] = Claim(endpoint, keys, self._proved.get(endpoint))
            self._shares.add(endpoint, address_of(endpoint))
        elif keys.epoch > claim.keys.epoch:
            claim.keys = keys
        return claim

    def is_expected(self, source: KnownHost) -> bool:
        """Whether somebody is claimed to be there."""
        return source in self._claims

    def proved(self, session: Session) -> None:
        """Whoever is at the session's endpoint has proved to be a member."""
        if len(self._proved) >= MAX_CLAIMS:
            del self._proved[next(iter(self._proved))]
        self._proved[session.endpoint] = session
        claim = self._claims.get(session.endpoint)
        if claim is not None:
            claim.session, claim.silent = session, 0
            if claim.proved is not None:
                claim.proved.set()
                claim.proved = None

    def due(self, number: int, unproved: list[Claim]) -> list[Claim]:
        """Which of these are called in a round."""
        due = [claim for claim in unproved if claim.is_due(number)]
        return sorted(due, key=lambda claim: claim.silent)[:CALLED]

    def forget_old(self, epochs: Epochs, time: float) -> None:
        """Forget the claims of epochs that count no more."""
        for claim in self:
            if not epochs.counts(claim.keys.epoch, time):
                self._drop(claim.endpoint)

    def _drop(self, endpoint: KnownHost) -> None:
        self._claims.pop(endpoint)
        self._shares.discard(endpoint, address_of(endpoint))
