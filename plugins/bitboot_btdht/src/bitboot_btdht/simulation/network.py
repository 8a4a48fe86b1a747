"""What becomes of datagrams on their way: delayed, lost, doubled, kept out by a NAT or a partition."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from typing import TypeAlias

from ..wire.compact import Address

Latency: TypeAlias = Callable[[random.Random], float]
"""Draws one datagram's one-way delay, in seconds. Delays that differ reorder by themselves."""

NAT_MEMORY = 120.0
"""Seconds for which a NAT lets answers in after a datagram went out (RFC 4787, REQ-5: 2 minutes)."""

LONGEST_DELAY = 2.0


def uniform(low: float, high: float) -> Latency:
    """Delays anywhere between `low` and `high` seconds alike."""
    return lambda rng: rng.uniform(low, high)


def lognormal(median: float, sigma: float) -> Latency:
    """Delays about `median` seconds with a long tail, as on the internet; 2 s at most.

    With `sigma` 0.5 one in six is over 1.65 times the median and one in forty over 2.7 times.
    """
    mu = math.log(median)
    return lambda rng: min(rng.lognormvariate(mu, sigma), LONGEST_DELAY)


class Network:
    """The way between nodes. Its attributes may be changed at any time.

    `loss`: the share of datagrams that get lost; `duplication`: the share that arrives twice.
    """

    def __init__(self, rng: random.Random, *, latency: Latency, loss: float, duplication: float) -> None:
        self._rng = rng
        self.latency = latency
        self.loss = loss
        self.duplication = duplication
        self._sides: dict[Address, int] = {}
        self._nats: dict[Address, dict[Address, float]] = {}

    def partition(self, *sides: Iterable[Address]) -> None:
        """Let nothing pass between these groups of addresses. Whoever is in none belongs to the first."""
        self._sides = {address: number for number, side in enumerate(sides) for address in side}

    def merge(self) -> None:
        """End the partition."""
        self._sides = {}

    def put_behind_nat(self, address: Address) -> None:
        """Let in only what comes from where this node has lately sent something itself."""
        self._nats.setdefault(address, {})

    def delays(self, source: Address, target: Address, now: float) -> list[float]:
        """When the copies of a datagram that is sent now arrive, in seconds from now."""
        rng = self._rng
        if self._nats and source in self._nats:
            self._nats[source][target] = now + NAT_MEMORY
        copies = 2 if self.duplication and rng.random() < self.duplication else 1
        if self._sides and self._sides.get(source, 0) != self._sides.get(target, 0):
            return []
        return [self.latency(rng) for _ in range(copies) if not self.loss or rng.random() >= self.loss]

    def lets_in(self, source: Address, target: Address, now: float) -> bool:
        """Whether a datagram that has come as far as `target`'s NAT gets through."""
        if not self._nats:
            return True
        mappings = self._nats.get(target)
        return mappings is None or mappings.get(source, -math.inf) >= now
