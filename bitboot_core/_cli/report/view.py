"""What a live view shows of a command at work: kept here, drawn in `drawing`.

Everything is read from the API that every program has: `BitBoot.networks` and `stats`,
`Announcement.status_of`, and the events that the command tells of.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..._networks.state import NetworkState
from ..._swarms.announcement import Announcement
from ..._swarms.records import AnnouncementStatus
from ...bitboot import BitBoot
from ...errors import NotRunning
from .events import Announced, Event, Joined, Left, PeerFound, Ready


@dataclass(slots=True)
class Seen:
    """A peer that is there: since when (seconds since 1970), which networks told of it, its fingerprint."""

    since: float
    sources: tuple[str, ...]
    member: str = ""


@dataclass(slots=True)
class View:
    """One command's view.

    `heading` says what it does. `lists_peers`: whether it looks for peers. `is_lookup`: whether it does
    so once; then the last frame lists every peer, and not just as many as the screen holds.
    """

    heading: str
    lists_peers: bool = True
    is_lookup: bool = False
    now: Callable[[], float] = time.time
    began: float = 0.0
    peers: dict[str, Seen] = field(default_factory=dict)
    left: int = 0
    is_leaving: bool = False
    states: Mapping[str, NetworkState] = field(default_factory=dict)
    stats: Mapping[str, Mapping[str, int | float]] = field(default_factory=dict)
    announced: Mapping[tuple[str, str], AnnouncementStatus] = field(default_factory=dict)
    announcement: Announcement | None = None

    def __post_init__(self) -> None:
        self.began = self.now()

    def note(self, event: Event) -> bool:
        """Take an event in. Whether the view shows it, so that nobody else need to."""
        match event:
            case Left():
                self.peers.pop(event.endpoint, None)
                self.left += 1
                return False  # it is gone from the view, so a line tells of it
            case Joined() | PeerFound():
                seen = Seen(self.now(), tuple(event.sources), event.fingerprint)
                self.peers.setdefault(event.endpoint, seen)
                return True
            case Ready() | Announced():
                return True
        return False

    def look(self, bitboot: BitBoot) -> None:
        """See how the networks and the announcement are doing. While leaving, what was last seen stays."""
        if self.is_leaving:
            return
        self.states, self.stats = bitboot.networks(), bitboot.stats()
        if self.announcement is not None:
            self.announced = {
                (str(swarm), network): status
                for swarm in self.announcement.swarms
                for network, status in self.announcement.status_of(swarm).items()
            }

    def content(self) -> object:
        """What is to be seen but for the time: it equals what was seen before where nothing has changed."""
        announced = {
            key: (one.stored_on, one.successes, one.last_error) for key, one in self.announced.items()
        }
        return self.states, self.stats, announced, len(self.peers), self.left, self.is_leaving

    def leave(self, bitboot: BitBoot) -> None:
        """Look for the last time: what comes now is the end."""
        self.look(bitboot)
        self.is_leaving = True

    @property
    def waiting_for(self) -> list[NetworkState]:
        """The networks that are not in touch yet, and may still get there."""
        return [
            state
            for state in self.states.values()
            if not state.ready
            and (state.error is None or state.attempts or isinstance(state.error, NotRunning))
        ]
