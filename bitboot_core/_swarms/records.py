"""How an announcement stands: a record for each of its swarms on each network, and its status."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .._networks.network import ActiveNetwork
from ..aio import timing
from ..errors import AnnounceFailed, BitBootError
from ..model import KnownHost
from ..reports import Receipt
from .keys import SwarmName, swarm_key
from .shards import shard_key, shard_of

if TYPE_CHECKING:
    from random import Random

__all__ = ["AnnouncementStatus"]


@dataclass(frozen=True, slots=True)
class AnnouncementStatus:
    """How an announcement stands on one network, at the moment of asking.

    `stored_on`: how many nodes hold it, as far as known; 0 before the first success and once it has
    expired. `expires_in`: seconds until it expires unless it is renewed, None where it is not stored.
    `next_try`: seconds until it is announced again, None while that is under way, or will not be.
    `last_error`: why the last attempt failed, None where it did not. `successes`: how often it has
    been stored, at first and at each renewal. `could_store`: how many nodes the network could have
    stored it on when it was stored last, as far as known. Where that is more than twice `stored_on`
    it is announced again within seconds or minutes instead of at the normal renewal (`is_meagre`).

    All this is of the swarm's own key. Where the announcement is stored under its shard alone, it is
    of the shard; and of the shard's errors where the key itself has none.
    """

    stored_on: int = 0
    expires_in: float | None = None
    next_try: float | None = None
    last_error: BitBootError | None = None
    successes: int = 0
    could_store: int = 0

    @property
    def is_meagre(self) -> bool:
        """Whether it is stored on far fewer nodes than could store it."""
        return self.stored_on > 0 and timing.is_meagre(self.stored_on, self.could_store)


class Record:
    """One swarm on one network, under one of its keys.

    `index`: the swarm's place among those of the announcement. `shard`: the same under its shard's key.
    """

    def __init__(
        self, network: ActiveNetwork, swarm: SwarmName, index: int, key: bytes, shard: Record | None = None
    ) -> None:
        self.network: ActiveNetwork = network
        self.swarm: SwarmName = swarm
        self.index: int = index
        self.key: bytes = key
        self.shard: Record | None = shard
        self.begun: bool = False
        self.endpoint: KnownHost | None = None  # what was announced last
        self.next_try: float | None = None
        self.task: asyncio.Task[None] | None = None
        self.successes: int = 0
        self.failures: int = 0
        self.error: BitBootError | None = None
        self._receipt: Receipt | None = None
        self._stored_at = self._expires = 0.0
        self._could_store = 0
        self._meagre = 0  # how often in a row it was stored on far fewer nodes than could
        # The network's, when it was announced last
        self._moves = self._outages = self._size = 0

    def attempted(self, endpoint: KnownHost | None = None) -> None:
        """An attempt to announce this endpoint begins; without one, of something else that is kept alike."""
        self.endpoint = endpoint
        self._moves, self._outages = self.network.moves, self.network.outages_over

    def stored(self, receipt: Receipt, now: float) -> None:
        """The attempt has succeeded."""
        self._receipt, self._stored_at, self._expires = receipt, now, now + receipt.lifetime
        self.successes, self.failures, self.error = self.successes + 1, 0, None
        contacts = self.network.count_contacts()
        self._could_store = max(receipt.stored_on, _could_store(receipt, self.network, contacts))
        is_meagre = timing.is_meagre(receipt.stored_on, self._could_store)
        self._meagre = self._meagre + 1 if is_meagre else 0
        # Never less than at the last look, or the next one to compare would begin at once, again and again.
        self._size = max(self.network.size, contacts)

    def failed(self, error: BitBootError) -> None:
        """The attempt has failed."""
        self.failures, self.error = self.failures + 1, error

    def pause(self, now: float, lifetime: float, random: Random) -> float:
        """How long to wait before the next attempt. `lifetime`: what is asked for."""
        if self._receipt is not None:
            lifetime = self._receipt.lifetime
        if self.failures:
            return timing.retry_after(self.failures, lifetime, random, left=self._expires - now)
        if self._meagre:
            return timing.improve_after(self._meagre, lifetime, random)
        return timing.renew_after(lifetime, random)

    def is_called_for(self, now: float, *, mine: bool) -> bool:
        """Whether there is a reason not to wait: the network is back, or has grown, or we have moved and
        announce "mine"."""
        network = self.network
        # Also what has not lapsed: the nodes that stored it may be back without it, or be others.
        returned = network.outages_over > self._outages
        grown_at = self._growth_counts_at()
        grown = grown_at is not None and now >= grown_at
        return returned or grown or (mine and network.moves > self._moves)

    @property
    def due(self) -> float | None:
        """When it is announced again where nothing calls for that sooner; None: never."""
        times = (self.next_try, self._growth_counts_at())
        return None if self.next_try is None else min(time for time in times if time is not None)

    def _growth_counts_at(self) -> float | None:
        """When it is to be announced again as the network has grown, None where it has not.

        While a network comes together, those who are closest to the key are others every minute.
        """
        if self._receipt is None or not timing.has_grown(self.network.size, self._size):
            return None
        return self._stored_at + timing.growth_counts_after(self._size)

    def failure(self) -> BitBootError | None:
        """Why it is not stored, where that is settled for now."""
        if self.shard is not None and self.shard.failure() is None:
            return None
        if self.error is None and self.task is not None and self.task.done():
            return AnnounceFailed(
                "the announcement has expired, and is not renewed", hint="announce with renew=True"
            )
        return self.error

    def is_stored(self, now: float) -> bool:
        """Whether it is stored, so that peers find it."""
        return self._is_held(now) or (
            self._counts_by_shard and self.shard is not None and self.shard._is_held(now)
        )

    def status(self, now: float) -> AnnouncementStatus:
        """How it stands."""
        own = self._own_status(now)
        if self.shard is None:
            return own
        shard = self.shard.status(now)
        if shard.stored_on and not own.stored_on and self._counts_by_shard:
            return replace(shard, next_try=own.next_try, last_error=own.last_error)
        return replace(own, last_error=own.last_error or shard.last_error)

    @property
    def _counts_by_shard(self) -> bool:
        """Whether it is enough to be stored under the shard's key: not while the key's own first attempt
        is under way, since plain clients look there."""
        return self.error is not None

    def _is_held(self, now: float) -> bool:
        return self._receipt is not None and now < self._expires

    def _own_status(self, now: float) -> AnnouncementStatus:
        receipt = self._receipt if self._is_held(now) else None
        return AnnouncementStatus(
            stored_on=0 if receipt is None else receipt.stored_on,
            expires_in=None if receipt is None else self._expires - now,
            next_try=None if self.next_try is None else max(0.0, self.next_try - now),
            last_error=self.error,
            successes=self.successes,
            could_store=0 if receipt is None else self._could_store,
        )


def _could_store(receipt: Receipt, network: ActiveNetwork, contacts: int) -> int:
    """On how many nodes it could have been stored: as the backend says, else at best so far."""
    if receipt.could_store is not None:
        return receipt.could_store
    return min(network.most_stored, contacts)


def records_of(
    swarms: Iterable[SwarmName], endpoint: KnownHost, network: ActiveNetwork, shard_salt: bytes
) -> list[Record]:
    """A record for each swarm on a network, with one for its shard where the network has such.

    `shard_salt`: as for `shard_of`.
    """

    return [
        record_under(
            swarm_key(swarm), swarm, index, endpoint=endpoint, network=network, shard_salt=shard_salt
        )
        for index, swarm in enumerate(swarms)
    ]


def record_under(
    key: bytes,
    swarm: SwarmName,
    index: int,
    *,
    endpoint: KnownHost,
    network: ActiveNetwork,
    shard_salt: bytes,
) -> Record:
    """A record for one swarm under one of its keys, with one for the shard where the network has such."""
    if network.crowd is None:
        return Record(network, swarm, index, key)
    number = shard_of(key, endpoint, shard_salt)
    return Record(network, swarm, index, key, Record(network, swarm, index, shard_key(key, number)))


def with_shards(records: Iterable[Record]) -> list[Record]:
    """The records, then those of their shards: after the keys that everybody looks under."""
    records = list(records)
    return [*records, *(record.shard for record in records if record.shard is not None)]


def worst(statuses: Sequence[AnnouncementStatus]) -> AnnouncementStatus:
    """How the worst of several swarms stands."""

    def first(values: Iterable[Any]) -> Any:
        return min((value for value in values if value is not None), default=None)

    least = min(statuses, key=lambda status: status.stored_on)
    return AnnouncementStatus(
        least.stored_on,
        first(status.expires_in for status in statuses) if least.stored_on else None,
        first(status.next_try for status in statuses),
        next((status.last_error for status in statuses if status.last_error is not None), None),
        min(status.successes for status in statuses),
        least.could_store,
    )
