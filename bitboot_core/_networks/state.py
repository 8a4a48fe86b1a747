"""How a network in use is doing, as people are told."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import BitBootError
from ..model import KnownHost

__all__ = ["NetworkState"]


@dataclass(frozen=True, slots=True)
class NetworkState:
    """How a network in use is doing.

    `network` and `backend`: their names. `listen`: where its backend listens. `contacts`: how many
    nodes it knows that answered lately. `ready`: whether it is in touch with the network (or has
    nobody to get in touch with, as the first node). `bootstrap`: where it starts from. `error`: what
    last went wrong in getting in touch; where nothing did, what the backend last said that makes no sense.
    `tried`: how many contacts the present or last attempt to get in touch asked. `attempts`: how many
    there were.
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
