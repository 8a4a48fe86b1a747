"""What becomes of datagrams on their way: delayed, lost, doubled, kept out by a NAT or a partition."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Iterable
from statistics import NormalDist
from typing import Final, TypeAlias

from ..wire.compact import Address
from .nat import Nat, Nats

Latency: TypeAlias = Callable[[random.Random], float]
"""Draws one datagram's one-way delay, in seconds. Delays that differ reorder by themselves."""

LONGEST_DELAY = 2.0


def uniform(low: float, high: float) -> Latency:
    """Delays anywhere between `low` and `high` seconds alike."""
    return lambda rng: rng.uniform(low, high)


def lognormal(median: float, sigma: float) -> Latency:
    """Delays about `median` seconds with a long tail, as on the internet; 2 s at most.

    With `sigma` 0.5 one in six is over 1.65 times the median and one in forty over 2.7 times.
    """
    mu = math.log(median)
    return lambda rng: min(math.exp(mu + _normal(rng) * sigma), LONGEST_DELAY)


_SPREAD: Final = 4 * math.exp(-0.5) / math.sqrt(2.0)


def _normal(rng: random.Random) -> float:
    """As `rng.normalvariate(0.0, 1.0)`, to the digit, by the same method (Kinderman and Monahan, 1977).

    For each datagram one is drawn, of which that would be a twentieth of the time: it is not compiled.
    """
    while True:
        one, other = rng.random(), 1.0 - rng.random()
        drawn = _SPREAD * (one - 0.5) / other
        if drawn * drawn / 4.0 <= -math.log(other):
            return drawn


class RoundTrips:
    """A round trip for each pair of addresses, the same for all their datagrams: lognormal.

    Where each datagram has a delay of its own, nobody is near, and nothing can be gained by who is asked.
    They are computed from `seed` and the two addresses, so that nothing is kept. In seconds.
    """

    def __init__(self, median: float, sigma: float, *, seed: int = 0) -> None:
        self._normal = NormalDist(math.log(median), sigma)
        self._key = seed.to_bytes(8, "big", signed=True)

    def between(self, one: Address, other: Address) -> float:
        """There and back; twice the longest delay at most."""
        pair = one + other if one < other else other + one
        drawn = hashlib.blake2b(pair, digest_size=7, key=self._key).digest()
        share = (int.from_bytes(drawn, "big") + 0.5) / (1 << 56)
        return min(math.exp(self._normal.inv_cdf(share)), 2 * LONGEST_DELAY)


class Network:
    """The way between nodes. Its attributes may be changed at any time.

    `loss`: the share of datagrams that get lost; `duplication`: the share that arrives twice. Where there are
    `round_trips`, these hold and not `latency`.
    """

    def __init__(self, rng: random.Random, *, latency: Latency, loss: float, duplication: float) -> None:
        self._rng = rng
        self.latency = latency
        self.round_trips: RoundTrips | None = None
        self.loss = loss
        self.duplication = duplication
        self.nats: Nats = Nats()
        self._sides: dict[Address, int] = {}

    def partition(self, *sides: Iterable[Address]) -> None:
        """Let nothing pass between these groups of addresses. Whoever is in none belongs to the first."""
        self._sides = {address: number for number, side in enumerate(sides) for address in side}

    def merge(self) -> None:
        """End the partition."""
        self._sides = {}

    def put_behind_nat(self, address: Address, kind: Nat = Nat.RESTRICTED) -> None:
        """Let in only what comes from where this node has recently sent something itself, or by `kind`."""
        self.nats.put(address, kind)

    def delays(self, source: Address, target: Address) -> list[float]:
        """When the copies of a datagram that is sent now arrive, in seconds from now."""
        rng = self._rng
        if not (self._sides or self.loss or self.duplication):
            return [self._delay(source, target)]
        copies = 2 if self.duplication and rng.random() < self.duplication else 1
        if self._sides and self._sides.get(source, 0) != self._sides.get(target, 0):
            return []
        return [
            self._delay(source, target) for _ in range(copies) if not self.loss or rng.random() >= self.loss
        ]

    def _delay(self, source: Address, target: Address) -> float:
        if self.round_trips is None:
            return self.latency(self._rng)
        return self.round_trips.between(source, target) / 2

    def lets_in(self, source: Address, target: Address, now: float) -> bool:
        """Whether a datagram that has come as far as `target`'s NAT gets through."""
        return self.nats.lets_in(source, target, now)
