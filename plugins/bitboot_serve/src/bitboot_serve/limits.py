"""How much the daemon does at once: every number that a client could make grow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most of each. What goes beyond is refused with `TooMany` (429), connections with 503.

    `clients`: open connections. `lookups`: under way. `announcements`: that are kept. `watches`: streams of
    events. `swarms`: watched at once. `body`: bytes of a request's body. `events`: of one swarm, kept for
    clients that come back; a client that is further behind is cut off.
    """

    clients: int = 512
    lookups: int = 64
    announcements: int = 256
    watches: int = 384
    swarms: int = 128
    body: int = 32 * 1024
    events: int = 1024


MIN_LEASE, MAX_LEASE, LEASE = 5.0, 3600.0, 60.0
"""Seconds that an announcement is kept without renewal: at least, at most, unless said otherwise."""

MAX_TIMEOUT = 120.0
"""Seconds that a lookup may be asked to take."""

STALLED = 10.0
"""Seconds after which a reader that takes nothing is cut off, and a request that does not arrive is."""

PING = 15.0
"""Seconds between comments in a stream of events that has nothing to tell, so that dead connections show."""

LINGER = 30.0
"""Seconds that a swarm is watched on after its last reader has gone, so that he can come back."""
