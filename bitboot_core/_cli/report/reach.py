"""The events that tell whether others can reach this node, and which port the router has opened."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from ..._swarms.ports.mapping import PortMapping
from ...model import KnownHost
from ...reports import Place, Reachability
from .events import Event

REACHABILITY = {
    Reachability.OPEN: "anybody can reach this node",
    Reachability.MAPPED: "anybody can reach this node, through a port that the router has opened",
    Reachability.CONE: "behind NAT, reached by those that it writes to",
    Reachability.SYMMETRIC: "behind a NAT with another port for each destination, which few get through",
    Reachability.BLOCKED: "nothing gets in or out",
    Reachability.UNKNOWN: "too few nodes have told",
}
"""What each means, in words."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reached(Event):
    """Whether others can reach this node over one IP version: at first, when known, and when it changes.

    `reachability`: a value of `Reachability`. `host` and `port`: where others see it, as far as that is
    known and one port is seen.
    """

    name = "reachability"
    network: str
    family: int
    reachability: str
    host: str | None = None
    port: int | None = None

    @classmethod
    def of(cls, network: str, family: int, place: Place) -> Reached:
        """The event that tells of a place."""
        host, port = (place.outside.host, place.outside.port) if place.outside else (None, None)
        return cls(
            network=network,
            family=family,
            reachability=place.reachability.value,
            host=host,
            port=port or None,
        )

    def as_json(self) -> dict[str, object]:
        return {key: value for key, value in Event.as_json(self).items() if value is not None}

    def text(self) -> str:
        means = REACHABILITY[Reachability(self.reachability)]
        return f"{self.network} over IPv{self.family}: {self.reachability}, {means}{self._seen()}"

    def _seen(self) -> str:
        if self.host is None:
            return ""
        return f"; others see it at {self.host if self.port is None else KnownHost(self.host, self.port)}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PortMapped(Event):
    """The router has opened a port: at first, and when its outside end changes.

    `external`: where others reach it, "" for an address that is not known. `expires_in`: None where it
    stays open.
    """

    name = "port-mapped"
    port: int
    transports: Sequence[str]
    external: str
    method: str
    expires_in: int | None = None

    @classmethod
    def of(cls, mapping: PortMapping) -> PortMapped:
        """The event that tells of a mapping that is open."""
        expires_in = mapping.expires_in
        return cls(
            port=mapping.port,
            transports=list(mapping.transports),
            external=str(mapping.external),
            method=mapping.method or "",
            expires_in=None if expires_in is None or math.isinf(expires_in) else round(expires_in),
        )

    def as_json(self) -> dict[str, object]:
        return {key: value for key, value in Event.as_json(self).items() if value is not None}

    def text(self) -> str:
        until = "until it is closed" if self.expires_in is None else f"for {self.expires_in} s"
        what = "/".join(self.transports)
        return f"{self.port} ({what}) is open on the router as {self.external}, by {self.method}, {until}"
