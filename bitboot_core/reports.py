"""What a node says of itself and of what it did: receipts, and where it stands in the internet."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .model import KnownHost

__all__ = ["Place", "Reachability", "Receipt"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a backend says of one announcement.

    `stored_on`: how many nodes stored it, at least 1. `lifetime`: for how many seconds from now
    they will keep it, as granted, which may be less than was asked for. `could_store`: how many nodes
    were there to store it, those that did included, None where that is not known. Where it is far
    more than `stored_on` the core announces again soon.
    """

    stored_on: int
    lifetime: float
    could_store: int | None = None


class Reachability(enum.Enum):
    """Who can begin a conversation with this node, in the terms of RFC 3489, section 5.

    OPEN: anybody. MAPPED: anybody, by a port that the router was asked to open. CONE: behind a NAT that uses
    one outside port for all destinations, and lets in at least those that this node has written to: two such
    nodes that both send reach each other. SYMMETRIC: behind a NAT that uses another port for each
    destination: nobody but those it has written to. BLOCKED: nothing gets in or out. UNKNOWN: too little
    is known.
    """

    OPEN = "open"
    MAPPED = "mapped"
    CONE = "cone"
    SYMMETRIC = "symmetric"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node stands in the internet, in one IP version: an inference from what other nodes say and do.

    `outside`: where they see it, None where that is not known. Its port is 0 where each of them sees another
    one, or it is not known.
    """

    reachability: Reachability
    outside: KnownHost | None = None
