"""How long to wait for an answer, learnt from the answers that came."""

from __future__ import annotations

from ..settings import Settings

_UNKNOWN = 0.25
"""What a round trip is taken to be before any has been measured, in seconds."""


class RoundTrips:
    """A running mean and deviation of round trips, as TCP keeps them (RFC 6298, section 2)."""

    __slots__ = ("_deviation", "_mean", "_measured", "_settings")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._mean = _UNKNOWN
        self._deviation = _UNKNOWN / 2
        self._measured = False

    def add(self, seconds: float) -> None:
        """An answer took this long."""
        if not self._measured:
            self._measured = True
            self._mean, self._deviation = seconds, seconds / 2
            return
        self._deviation += (abs(seconds - self._mean) - self._deviation) / 4
        self._mean += (seconds - self._mean) / 8

    @property
    def mean(self) -> float:
        """The smoothed round trip, in seconds."""
        return self._mean

    @property
    def slow(self) -> float:
        """After how many seconds a query counts as slow, so that another node is asked beside it."""
        patience = self._mean + 4 * self._deviation
        return min(max(patience, self._settings.slow_floor), self._settings.slow_ceiling)

    @property
    def timeout(self) -> float:
        """After how many seconds a query has failed."""
        patience = 4 * (self._mean + 4 * self._deviation)
        return min(max(patience, self._settings.timeout_floor), self._settings.timeout_ceiling)
