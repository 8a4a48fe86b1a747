"""How a network in use is doing, as people are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..errors import BitBootError
from ..model import KnownHost
from ..reports import Place, Reachability

__all__ = ["NetworkState"]

_NO_PLACE = {Reachability.UNKNOWN: 1, Reachability.BLOCKED: 2}
"""What counts only where no IP version has anything better."""


@dataclass(frozen=True, slots=True)
class NetworkState:
    """How a network in use is doing.

    `network` and `backend`: their names. `listen`: where its backend listens. `contacts`: how many
    nodes it knows that answered recently. `ready`: whether it is in touch with the network (or has
    nobody to get in touch with, as the first node). `bootstrap`: where it starts from. `error`: what
    last went wrong in getting in touch; where nothing did, what the backend last said that makes no sense.
    `tried`: how many contacts the present or last attempt to get in touch asked. `attempts`: how many
    there were. `places`: by IP version (4, 6), whether others can reach this node, where the backend knows.
    `mapping_error`: why the router has not opened its port, where `map_ports` asks for that.
    """

    network: str
    backend: str
    ready: bool
    listen: KnownHost | None
    contacts: int
    bootstrap: tuple[KnownHost, ...]
    error: BitBootError | None
    tried: int = 0
    attempts: int = 0
    places: Mapping[int, Place] = field(default_factory=dict, hash=False)
    mapping_error: BitBootError | None = None

    @property
    def reachability(self) -> Reachability:
        """Who can begin a conversation with this node: over IPv4 where that works, else over IPv6."""
        return self._place.reachability

    @property
    def outside(self) -> KnownHost | None:
        """Where others see it, in the same IP version, None where that is not known."""
        return self._place.outside

    @property
    def _place(self) -> Place:
        places = [place for _, place in sorted(self.places.items())]
        places.sort(key=lambda place: _NO_PLACE.get(place.reachability, 0))
        return places[0] if places else Place(Reachability.UNKNOWN)
