"""What a watch keeps of one network that it scans."""

from __future__ import annotations

import asyncio

from .._networks.network import ActiveNetwork
from . import sights


class Scanner(sights.Sights):
    """One network, and what it told."""

    def __init__(self, network: ActiveNetwork, now: float) -> None:
        super().__init__(now)
        self.network = network
        self.crowded = False
        self.began = now
        self.due = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
