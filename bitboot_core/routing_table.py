"""What a DHT's node knows of other nodes, for people to look at."""

from __future__ import annotations

from dataclasses import dataclass

from .model import KnownHost

__all__ = ["RoutingContact"]


@dataclass(frozen=True, slots=True)
class RoutingContact:
    """A node in the routing table of this one: see `Backend.routing_table`.

    `address`: where it is. `distance`: how far its id is from this node's, as the length in bits of the
    XOR of both (Maymounkov and Mazières, "Kademlia", 2002, section 2.1): 160 for half of all nodes of a DHT
    with ids of 160 bits, 159 for a quarter, and so on. `round_trip`: seconds from its last query to its
    answer, None where that is not known. `silent`: whether it left the last query without an answer.
    """

    address: KnownHost
    distance: int
    round_trip: float | None = None
    silent: bool = False
