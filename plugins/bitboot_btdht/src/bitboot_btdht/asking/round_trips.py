"""How long to wait for an answer, by the rule of the core's `RoundTrips`.

It is written here again, since every answer comes by it: called in the core, which is not compiled, it takes
a fiftieth of what a compiled node does for a query and its answer.
"""

from __future__ import annotations

from typing import Final

DEVIATIONS: Final = 4
"""By how many deviations a round trip is longer than the mean that counts as slow."""


class RoundTrips:
    """A running mean and deviation, as TCP keeps them (RFC 6298, section 2). All in seconds.

    `guess`, `slow`, `timeout`: see the core's.
    """

    __slots__ = ("_deviation", "_least", "_mean", "_measured", "_most", "_timeout_bounds", "slow")

    def __init__(self, *, guess: float, slow: tuple[float, float], timeout: tuple[float, float]) -> None:
        self._mean: float = guess
        self._deviation: float = guess / 2
        self._measured = False
        self._least, self._most = slow
        self._timeout_bounds = timeout
        self.slow: float = self.above_mean(DEVIATIONS)
        """After how long a query counts as slow."""

    def add(self, seconds: float) -> None:
        """An answer took this long."""
        if not self._measured:
            self._measured = True
            self._mean, self._deviation = seconds, seconds / 2
        else:
            self._deviation += (abs(seconds - self._mean) - self._deviation) / 4
            self._mean += (seconds - self._mean) / 8
        # As `above_mean` says: written out, since every answer comes by here.
        slow = self._mean + DEVIATIONS * self._deviation
        self.slow = self._least if slow < self._least else self._most if slow > self._most else slow

    @property
    def mean(self) -> float:
        """The smoothed round trip; 0 where nothing has been measured."""
        return self._mean if self._measured else 0.0

    def above_mean(self, deviations: float) -> float:
        """A round trip that is so many deviations longer than the mean, within the bounds of `slow`."""
        return min(max(self._mean + deviations * self._deviation, self._least), self._most)

    @property
    def timeout(self) -> float:
        """After how long a query has failed."""
        least, most = self._timeout_bounds
        return min(max(4 * (self._mean + DEVIATIONS * self._deviation), least), most)
