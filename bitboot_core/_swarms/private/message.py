"""What members of a private swarm send each other."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Message"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message from a member of a private swarm, as `Swarm.messages` gives it.

    `member`: the public key of the sender's identity, 32 bytes. `data`: at most 900 bytes.
    """

    member: bytes
    data: bytes
