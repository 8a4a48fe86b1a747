"""NATs between nodes and the internet: whom they let in, and where others see who is behind one."""

from __future__ import annotations

import math
from enum import Enum, auto

from ..wire.compact import Address, with_port

NAT_MEMORY = 120.0
"""Seconds for which a NAT lets answers in after a datagram went out (RFC 4787, REQ-5: 2 minutes)."""

FIRST_PORT = 20_000
"""Ports from here on are what a symmetric NAT gives to one destination after another."""

PORTS = 40_000


class Nat(Enum):
    """What a NAT does (RFC 4787, sections 4.1 and 5)."""

    FULL_CONE = auto()
    """Whoever writes gets in, while anything has gone out recently: endpoint-independent filtering."""

    RESTRICTED = auto()
    """Only those get in whom the node behind it has written to recently: address- and port-dependent
    filtering."""

    SYMMETRIC = auto()
    """The same, and each destination sees another port: address- and port-dependent mapping."""


class _Behind:
    """One node behind a NAT. `open`: until when each destination may answer."""

    def __init__(self, kind: Nat) -> None:
        self.kind = kind
        self.open: dict[Address, float] = {}
        self.open_until = -math.inf
        self.seen_as: dict[Address, Address] = {}


class Nats:
    """The NATs of one network."""

    def __init__(self) -> None:
        self._behind: dict[Address, _Behind] = {}
        self._homes: dict[Address, Address] = {}

    def put(self, address: Address, kind: Nat) -> None:
        """From now on the node at `address` is behind a NAT of this kind."""
        self._behind.setdefault(address, _Behind(kind))

    def remove(self, address: Address) -> None:
        """Nobody lives at `address` any more."""
        behind = self._behind.pop(address, None)
        if behind is not None:
            for outside in behind.seen_as.values():
                del self._homes[outside]

    def out(self, source: Address, target: Address, now: float) -> Address:
        """A datagram goes out. Returns the address that `target` sees it come from."""
        behind = self._behind.get(source)
        if behind is None:
            return source
        behind.open_until = now + NAT_MEMORY
        if behind.kind is Nat.FULL_CONE:
            return source
        behind.open[target] = now + NAT_MEMORY
        if behind.kind is Nat.RESTRICTED:
            return source
        outside = behind.seen_as.get(target)
        if outside is None:
            outside = with_port(source, FIRST_PORT + len(behind.seen_as) % PORTS)
            behind.seen_as[target] = outside
            self._homes[outside] = source
        return outside

    def home(self, address: Address) -> Address:
        """Where the node lives that is seen at `address`."""
        return self._homes.get(address, address) if self._homes else address

    def lets_in(self, source: Address, target: Address, now: float) -> bool:
        """Whether a datagram that has come as far as the NAT of whoever is seen at `target` gets through."""
        if not self._behind:
            return True
        home = self.home(target)
        behind = self._behind.get(home)
        if behind is None:
            return True
        if behind.kind is Nat.FULL_CONE:
            return behind.open_until >= now
        if behind.open.get(source, -math.inf) < now:
            return False
        return behind.kind is Nat.RESTRICTED or behind.seen_as.get(source) == target
