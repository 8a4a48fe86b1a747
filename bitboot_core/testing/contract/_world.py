"""What the author of a backend gives to the checks: a small world, and maybe its time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bitboot_core.backend import Backend
from bitboot_core.model import KnownHost


@dataclass(frozen=True, kw_only=True)
class World:
    """A small network of its own, for one check.

    `make`: makes a node of it, not started. The checks start it, bootstrap it and close it.
    `contacts`: what a node bootstraps from; none where the nodes meet without.
    `advance`: lets this many seconds pass for every node of this world; None where that cannot be
    done, and then `no_clock` says why not. `advance_event_loop` suits nodes whose only clock is
    the event loop's.
    `stall`: makes part of the network fall silent, so that a lookup must wait for the rest of it
    after the first peers have arrived. Worth giving where a lookup may else be over in one go.
    `fall_silent`: makes every other node of the network stop answering, those of `contacts` too; None
    where a node depends on no other.
    `datagrams`: more hostile messages, in the backend's own protocol, for where it listens.
    `store_raw`: stores these bytes under a key as a stranger could, past the backend's own `announce`: a
    file in a shared folder, a value in a DHT. None where strangers can store nothing that is not checked.
    """

    make: Callable[[], Backend]
    contacts: Sequence[KnownHost] = ()
    advance: Callable[[float], Awaitable[None]] | None = None
    no_clock: str = "this world has no clock to advance"
    stall: Callable[[], Awaitable[None]] | None = None
    fall_silent: Callable[[], Awaitable[None]] | None = None
    datagrams: Sequence[bytes] = ()
    store_raw: Callable[[bytes, bytes], Awaitable[None]] | None = None


class EventLoopClock:
    """The time of one event loop, which can be put forward."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._time = loop.time
        self._ahead = 0.0

    def __call__(self) -> float:
        """What `loop.time()` answers."""
        return self._time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Put it forward."""
        self._ahead += seconds


def make_event_loop() -> asyncio.AbstractEventLoop:
    """The platform's usual event loop, with a clock that can be put forward."""
    loop = asyncio.new_event_loop()
    loop.time = EventLoopClock(loop)  # type: ignore[method-assign]
    return loop


async def advance_event_loop(seconds: float) -> None:
    """Put the clock of the running event loop forward; whatever is due by then happens at once.

    Works in the checks' own event loop. For a `World` whose nodes all run on it and go by
    `loop.time()`.
    """
    clock = asyncio.get_running_loop().time
    if not isinstance(clock, EventLoopClock):
        raise TypeError("only the contract's own event loop has a clock that can be advanced")
    clock.advance(seconds)
    for _ in range(10):  # turns in which timers that are due fire, and what they wake runs
        await asyncio.sleep(0)
