"""How large a swarm is, as far as a network can tell without handing its peers over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import BitBootError

__all__ = ["SwarmSize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwarmSize:
    """About how many peers a swarm has: an estimate, except where a network counts them exactly (`local`).

    `seeds`: those that say that they have all of what the swarm shares, as in BitTorrent. `peers`: all
    others, which in a swarm of anything else are all there are. `asked`: how many nodes were asked,
    `answered`: how many of the closest have counted; 0 on a network without nodes.

    What a BitBoot on several networks returns has in `networks` each one's own, and in `failures` why others
    have none. Programs announce themselves on all their networks, so its own figures are the largest, not the
    sum. Backends leave both empty.
    """

    seeds: int
    peers: int
    asked: int = 0
    answered: int = 0
    networks: Mapping[str, SwarmSize] = field(default_factory=dict)
    failures: Mapping[str, BitBootError] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Seeds and other peers together."""
        return self.seeds + self.peers
