"""What `bitboot lookup --size` tells."""

from __future__ import annotations

import dataclasses
from typing import Self

from ...swarm_size import SwarmSize
from .events import Event
from .plain import count


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sized(Event):
    """About how large a swarm is on one network. See `SwarmSize`."""

    name = "size"
    swarm: str
    network: str
    seeds: int
    peers: int
    asked: int
    answered: int

    @classmethod
    def of(cls, swarm: str, network: str, size: SwarmSize) -> Self:
        """The event that tells of `size`."""
        return cls(
            swarm=swarm,
            network=network,
            seeds=size.seeds,
            peers=size.peers,
            asked=size.asked,
            answered=size.answered,
        )

    def text(self) -> str:
        seeds = f" and {count(self.seeds, 'seed')}" if self.seeds else ""
        told = f", as {count(self.answered, 'node')} of {self.asked} asked tell" if self.asked else ""
        return f"{self.swarm} on {self.network}, about {count(self.peers, 'peer')}{seeds}{told}"
