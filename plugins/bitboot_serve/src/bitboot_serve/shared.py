"""What lookups, announcements and watches of one daemon share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bitboot_core import BitBoot, SwarmSecret
from bitboot_core.aio.clock import Clock

from .limits import Limits
from .secrets import Secrets


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """One BitBoot, and what holds for all that use it. `closing`: set when the daemon ends."""

    bitboot: BitBoot
    limits: Limits
    clock: Clock
    secrets: Secrets
    closing: asyncio.Event

    async def secret(self, name: str | None) -> SwarmSecret | None:
        """The secret that a client names. Raises NotFound or InvalidConfig."""
        return None if name is None else await asyncio.to_thread(self.secrets.read, name)
