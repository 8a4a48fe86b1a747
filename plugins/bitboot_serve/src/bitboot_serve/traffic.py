"""What was sent and received in each minute of the last hour."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from bitboot_core.aio.clock import Clock, Timer, unix_time

MINUTE = 60.0
MINUTES = 60
"""How many are kept."""

EARLY = 1.0
"""Seconds before its end from which on a minute counts as over: the wall clock is put right now and then, and
the timer runs on another one."""

COUNTERS = ("sent", "received", "sent_bytes", "received_bytes")
"""Those of `Backend.stats` that are read. A backend that does not have one has sent or received none."""

Stats = Mapping[str, Mapping[str, int | float]]


class Traffic:
    """Reads the networks' counters once a minute, from `open` to `close`."""

    def __init__(self, stats: Callable[[], Stats], clock: Clock) -> None:
        """`stats`: `BitBoot.stats`."""
        self._stats, self._clock = stats, clock
        self._minutes: deque[dict[str, Any]] = deque(maxlen=MINUTES - 1)
        self._timer: Timer | None = None
        self._began = 0
        self._former: Stats = {}

    def open(self) -> None:
        """Begin to count."""
        self._former = self._read()
        self._begin_minute()

    def close(self) -> None:
        """Count no more. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def minutes(self) -> list[dict[str, Any]]:
        """The last hour, oldest first, this minute at the end. `at`: when it began, in seconds since 1970.

        A minute that the machine has slept through is left out.
        """
        return [*self._minutes, self._minute(self._read())]

    def _begin_minute(self) -> None:
        time = unix_time(self._clock)
        self._began = int((time + EARLY) // MINUTE * MINUTE)
        left = self._began + MINUTE - time
        self._timer = self._clock.call_at(self._clock.now() + left, self._end_minute)

    def _end_minute(self) -> None:
        now = self._read()
        self._minutes.append(self._minute(now))
        self._former = now
        self._begin_minute()

    def _minute(self, now: Stats) -> dict[str, Any]:
        networks = []
        for name, counters in now.items():
            former = self._former.get(name, {})
            # A counter that is lower than before is another one: the network was left and joined again.
            grown = {
                counter: value - former.get(counter, 0) if value >= former.get(counter, 0) else value
                for counter, value in counters.items()
            }
            networks.append({"name": name, **grown})
        return {"at": self._began, "networks": networks}

    def _read(self) -> Stats:
        stats = self._stats()
        return {
            name: {counter: int(counters.get(counter, 0)) for counter in COUNTERS}
            for name, counters in stats.items()
        }
