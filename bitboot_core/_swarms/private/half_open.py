"""Handshakes that wait for their third message: so many and no more, and nobody can flush the others'."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ...aio.limits import Shares, packed
from ...model import KnownHost
from .noise import Handshake

MAX_HALF_OPEN = 1024
PER_SOURCE = 8
"""Of one address and port, the newest."""

KEPT = 30.0
"""Seconds that one is waited for."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A handshake after our message.

    `first`: what they began with; `second`: our answer, which `told` them our record; `third`: what
    ended it; `last`: our answer to that. `handshake`: None once it has ended.
    """

    source: KnownHost
    epoch: int
    handshake: Handshake | None
    first: bytes
    second: bytes
    began: float
    told: bytes
    third: bytes = b""
    last: bytes = b""


class HalfOpen:
    """The table. When it is full, the source that has most in it loses its oldest."""

    def __init__(self) -> None:
        self._shares: Shares[Waiting] = Shares()
        self._by_source: dict[KnownHost, list[Waiting]] = {}
        self._by_ephemeral: dict[bytes, Waiting] = {}

    def __len__(self) -> int:
        return len(self._shares)

    def add(self, waiting: Waiting) -> None:
        """One more."""
        if len(self) >= MAX_HALF_OPEN:
            self.remove(self._shares.largest())
        of_source = self._by_source.setdefault(waiting.source, [])
        of_source.append(waiting)
        self._by_ephemeral[waiting.first[:32]] = waiting
        self._shares.add(waiting, address_of(waiting.source))
        if len(of_source) > PER_SOURCE:
            self.remove(of_source[0])

    def remove(self, waiting: Waiting) -> None:
        """One less."""
        of_source = self._by_source[waiting.source]
        of_source.remove(waiting)
        if not of_source:
            del self._by_source[waiting.source]
        del self._by_ephemeral[waiting.first[:32]]
        self._shares.discard(waiting, address_of(waiting.source))

    def of(self, source: KnownHost, now: float) -> list[Waiting]:
        """Those that this source has begun, the newest first."""
        for old in [one for one in self._by_source.get(source, ()) if now - one.began > KEPT]:
            self.remove(old)
        return self._by_source.get(source, [])[::-1]

    def begun_with(self, first: bytes) -> Waiting | None:
        """The one whose first message has the same key: a repetition, or a replay."""
        return self._by_ephemeral.get(first[:32])


def address_of(source: KnownHost) -> bytes:
    """A source's address as limits take it; 4 bytes that stand for its name where it has none."""
    try:
        return packed(source.host)
    except ValueError:
        return hashlib.sha256(source.host.encode()).digest()[:4]
