"""How a published item stands on one network."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..._networks.network import ActiveNetwork
from ...aio import timing
from ...aio.tasks import Signal
from ...items import Item
from ..records import Record

if TYPE_CHECKING:
    from random import Random

HOURLY = 0.55
"""Items are put again after 0.75 to 0.9 of this share of their lifetime: of two hours, after 50 to 60
minutes, as BEP 44 recommends. One renewal that fails on every node loses nothing."""


class ItemRecord(Record):
    """How the item stands on one network.

    `may_overtake`: whether it is published there for the first time, so that what is there is older, whatever
    its number. Later a higher number is somebody else's, who published after us.
    """

    def __init__(self, network: ActiveNetwork, target: bytes, cas: int | None, *, may_overtake: bool) -> None:
        super().__init__(network, target.hex(), 0, target)
        self.cas = cas
        self.may_overtake = may_overtake
        self.seq: int | None = None
        """The version that was stored last."""
        self.newest = -1
        """The highest number that the network has told of."""
        self.item: Item | None = None
        """What was attempted last."""
        self.is_final = False
        """Whether what was attempted last will not be attempted again."""
        self.woken = Signal()
        self.tasks: list[asyncio.Task[None]] = []

    def begin(self, cas: int | None) -> None:
        """There is a new version to publish."""
        self.cas, self.may_overtake, self.error, self.failures = cas, True, None, 0
        self.woken.notify()

    def has_stored(self, seq: int) -> None:
        """The network has this version now."""
        self.seq, self.cas, self.may_overtake = seq, None, False

    async def listen(self) -> None:
        """Wake whoever waits when there is news of the network."""
        while True:
            await self.network.news.wait()
            self.woken.notify()

    def pause(self, now: float, lifetime: float, random: Random) -> float:
        """How long to wait before the next attempt. `lifetime`: where nobody has granted any yet."""
        if self.failures or self._meagre or self._receipt is None:
            return super().pause(now, lifetime, random)
        return timing.renew_after(HOURLY * self._receipt.lifetime, random)
