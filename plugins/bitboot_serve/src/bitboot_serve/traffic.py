"""What the networks sent and received, by the minute, over the last hour."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from bitboot_core.aio.clock import sleep_until, unix_time

from .records import Json
from .shared import Shared

MINUTE = 60.0
COUNTERS = ("sent", "received", "sent_bytes", "received_bytes")
"""Datagrams, and the bytes that they carried, as backends count them in `stats()`."""


class Traffic:
    """The last sixty minutes. `run` keeps it up to date."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._minutes: deque[Json] = deque(maxlen=60)
        self._before: dict[str, dict[str, float]] = {}

    def record(self) -> Json:
        """The minutes, the oldest first: `at`, seconds since 1970, is their end."""
        return {"minutes": list(self._minutes)}

    async def run(self) -> None:
        """Look at the counters once a minute, until this is cancelled."""
        self._before = self._counters()
        due = self._shared.clock.now()
        while True:
            due = max(due + MINUTE, self._shared.clock.now())  # after a sleep of the machine no rush
            await sleep_until(self._shared.clock, due)
            self._look()

    def _look(self) -> None:
        now = self._counters()
        self._minutes.append(
            {
                "at": int(unix_time(self._shared.clock)),
                "networks": [
                    {"name": name, **_since(counters, self._before.get(name, {}))}
                    for name, counters in now.items()
                ],
            }
        )
        self._before = now

    def _counters(self) -> dict[str, dict[str, float]]:
        stats: Mapping[str, Mapping[str, float]] = self._shared.bitboot.stats()
        return {name: {one: found.get(one, 0) for one in COUNTERS} for name, found in stats.items()}


def _since(now: Mapping[str, float], before: Mapping[str, float]) -> dict[str, float]:
    """What was counted since; a backend that was started anew counts from nothing."""
    began_anew = any(now[one] < before.get(one, 0) for one in COUNTERS)
    return {one: now[one] - (0 if began_anew else before.get(one, 0)) for one in COUNTERS}
