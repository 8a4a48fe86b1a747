"""The time, handed in: the core asks a `Clock`, so that tests can live through days at once."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from heapq import heapify, heappop, heappush
from itertools import count
from types import ModuleType
from typing import Protocol


class Timer(Protocol):
    """What `Clock.call_at` returns."""

    def cancel(self) -> None:
        """Do not call any more. May be called twice, and after the call."""


class Clock(Protocol):
    """Seconds that pass evenly, also while the machine sleeps."""

    def now(self) -> float:
        """Seconds since some moment in the past. Never runs backwards."""

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` once, on the running event loop, as soon as `now()` is at least `when`."""


def continuous_clock(platform: str = sys.platform, system: ModuleType = time) -> Callable[[], float] | None:
    """A clock of this system that runs evenly, and on while the machine sleeps; None where there is none.

    Linux: CLOCK_BOOTTIME (clock_gettime(2)). macOS: CLOCK_MONOTONIC_RAW, which is mach_continuous_time;
    its CLOCK_MONOTONIC follows the wall clock, and what Python calls monotonic stands still. Windows:
    Python's monotonic clock (GetTickCount64, from 3.13 on QueryPerformanceCounter) counts sleep.
    """
    if platform == "win32":
        monotonic: Callable[[], float] = system.monotonic
        return monotonic
    name = "CLOCK_MONOTONIC_RAW" if platform == "darwin" else "CLOCK_BOOTTIME"
    number = getattr(system, name, None)
    if number is None:
        return None

    def now() -> float:
        seconds: float = system.clock_gettime(number)
        return seconds

    try:
        now()
    except OSError:  # a sandbox or an old kernel
        return None
    return now


_CONTINUOUS = continuous_clock()
"""That of this system."""


def unix_time(clock: Clock) -> float:
    """The time that a clock shows, in seconds since 1970: its `unix_time()`, else `now()` itself."""
    show = getattr(clock, "unix_time", clock.now)
    seconds: float = show()
    return seconds


class SystemClock:
    """The machine's time.

    That of `continuous_clock` where the system has one. Elsewhere the monotonic clock may stand still
    while the machine is suspended. The wall clock does not, so where it has run ahead by more than
    `JUMP` seconds the machine has slept, or the clock was set: nothing tells which.
    """

    JUMP = 5.0
    SLICE = 15.0
    """Timers look at the time this often, since the event loop's own are late after a sleep."""

    def __init__(
        self,
        continuous: Callable[[], float] | None = _CONTINUOUS,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """The system's clocks, each in seconds. `continuous`: see `continuous_clock`."""
        self._continuous, self._monotonic, self._wall = continuous, monotonic, wall
        self._seen = monotonic(), wall()
        self._slept = 0.0
        self._timers: dict[asyncio.AbstractEventLoop, _Timers] = {}

    def now(self) -> float:
        """Seconds since some moment in the past, those of the machine's sleep included."""
        if self._continuous is not None:
            return self._continuous()
        before_monotonic, before_wall = self._seen
        monotonic, wall = self._seen = self._monotonic(), self._wall()
        ahead = (wall - before_wall) - (monotonic - before_monotonic)
        if ahead > self.JUMP:
            self._slept += ahead
        return monotonic + self._slept

    def unix_time(self) -> float:
        """Seconds since 1970, as the machine's clock is set."""
        return self._wall()

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` once it is `when`."""
        loop = asyncio.get_running_loop()
        timers = self._timers.get(loop)
        if timers is None:
            for former in [one for one in self._timers if one.is_closed()]:
                self._timers.pop(former, None)
            timers = self._timers[loop] = _Timers(self, loop)
        return timers.add(when, callback)


class _Timer:
    """One that was asked for. `callback`: None once it has been called, or is not to be any more."""

    __slots__ = ("callback", "timers")

    def __init__(self, timers: _Timers, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback
        self.timers: _Timers | None = timers  # None once its time has come

    def run(self) -> None:
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            if self.timers is not None:
                self.timers.one_is_cancelled()


class _Timers:
    """All timers of one event loop, on one of the loop's own: there may be thousands.

    That one is set again every few seconds, to notice that the machine has slept.
    """

    def __init__(self, clock: SystemClock, loop: asyncio.AbstractEventLoop) -> None:
        self._clock, self._loop = clock, loop
        self._heap: list[tuple[float, int, _Timer]] = []
        self._order = count()
        self._cancelled = 0  # of those in the heap
        self._handle: asyncio.TimerHandle | None = None
        self._looks_at = 0.0

    def add(self, when: float, callback: Callable[[], object]) -> _Timer:
        timer = _Timer(self, callback)
        heappush(self._heap, (when, next(self._order), timer))
        if self._handle is None or when < self._looks_at:
            self._arm()
        return timer

    def one_is_cancelled(self) -> None:
        self._cancelled += 1
        if 2 * self._cancelled > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapify(self._heap)
            self._cancelled = 0
            if not self._heap and self._handle is not None:
                self._handle.cancel()
                self._handle = None

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        now = self._clock.now()
        remaining = min(max(0.0, self._heap[0][0] - now), self._clock.SLICE)
        self._looks_at = now + remaining
        self._handle = self._loop.call_later(remaining, self._look)

    def _look(self) -> None:
        self._handle = None
        now = self._clock.now()
        while self._heap and (self._heap[0][0] <= now or self._heap[0][2].callback is None):
            timer = heappop(self._heap)[2]
            timer.timers = None
            if timer.callback is None:
                self._cancelled -= 1
            else:
                self._loop.call_soon(timer.run)  # on its own: what one raises is not the others' concern
        if self._heap:
            self._arm()


async def sleep_until(clock: Clock, when: float) -> None:
    """Return once it is `when` on `clock`."""
    reached = asyncio.Event()
    timer = clock.call_at(when, reached.set)
    try:
        await reached.wait()
    finally:
        timer.cancel()


class TimeUp(Exception):
    """A deadline has passed. Not a TimeoutError, since what was waited for may raise that itself."""


@asynccontextmanager
async def deadline(clock: Clock, when: float | None) -> AsyncIterator[None]:
    """`asyncio.timeout_at`, on any clock: raises TimeUp at `when`. None is never."""
    try:
        async with asyncio.timeout(None) as scope:
            if when is None:
                yield
                return
            loop = asyncio.get_running_loop()
            timer = clock.call_at(when, lambda: scope.reschedule(loop.time()))
            try:
                yield
            finally:
                timer.cancel()
    except TimeoutError:
        if scope.expired():
            raise TimeUp from None
        raise
