"""Whether a router has restarted, by the seconds that it says have passed since (sans-IO)."""

from __future__ import annotations

TOLERANCE = 2.0
"""Seconds that the two clocks may be apart from the beginning."""

DRIFT = 1 / 16
"""The share by which one may run faster than the other (RFC 6887, section 8.5)."""


class Epoch:
    """One router's epoch (RFC 6887, section 8.5; RFC 6886, section 3.6 is laxer)."""

    def __init__(self) -> None:
        self.restarts: int = 0
        """How often it has lost its state, as far as noticed."""
        self._last: tuple[float, float] | None = None

    def heard(self, epoch: int, now: float) -> None:
        """An answer has told this epoch at that time, both in seconds."""
        if self._last is not None and not self._runs_on(epoch, now, *self._last):
            self.restarts += 1
        self._last = epoch, now

    def _runs_on(self, epoch: float, now: float, last_epoch: float, last_now: float) -> bool:
        if epoch < last_epoch - 1:  # datagrams may overtake each other
            return False
        theirs, ours = epoch - last_epoch, now - last_now
        return ours + TOLERANCE >= theirs - theirs * DRIFT and theirs + TOLERANCE >= ours - ours * DRIFT
