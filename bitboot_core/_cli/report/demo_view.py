"""What the live view of `bitboot demo` shows: five peers that announce themselves, and who found them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...bitboot import BitBoot
from .events import Announced, Cost, Event, PeerFound, Ready
from .view import View


@dataclass(slots=True)
class Row:
    """One of the peers: the nodes that stored it, and the seconds that the lookup took to find it."""

    stored_on: int | None = None
    expires_in: float = 0
    found_after: float | None = None


@dataclass(slots=True)
class DemoView(View):
    """The demo's view. `ports`: of the peers that will announce themselves."""

    ports: Sequence[int] = ()
    rows: dict[int, Row] = field(default_factory=dict)
    looking_since: float | None = None
    cost: Cost | None = None

    def __post_init__(self) -> None:
        self.began = self.now()
        self.rows = {port: Row() for port in self.ports}

    def note(self, event: Event) -> bool:
        match event:
            case Announced(port=int(port)) if port in self.rows:
                self.rows[port].stored_on, self.rows[port].expires_in = event.stored_on, event.expires_in
            case PeerFound() if event.port in self.rows and self.looking_since is not None:
                self.rows[event.port].found_after = self.now() - self.looking_since
            case Cost():
                self.cost = event
            case Ready():
                self.looking_since = self.now()
            case _:
                return False
        return True

    def look(self, bitboot: BitBoot) -> None:
        """Nothing to look up: everything comes by events."""

    def content(self) -> object:
        """All that the view shows, but for times that pass."""
        rows = ((port, row.stored_on, row.found_after) for port, row in self.rows.items())
        return (*rows, self.looking_since, self.cost)

    @property
    def found(self) -> int:
        """How many were found so far."""
        return sum(row.found_after is not None for row in self.rows.values())
