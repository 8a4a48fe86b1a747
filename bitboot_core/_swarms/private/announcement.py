"""Announcing in a private swarm: our node is, under keys that change, and says where the program is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from ..._networks.network import ActiveNetwork
from ...aio.clock import TimeUp, deadline, sleep_until
from ...aio.tasks import cancel
from ...aio.timing import scattered
from ...errors import BitBootError, NotRunning
from ...model import KnownHost
from ..announcement import AT_ONCE, Announcement
from ..ports.mapping import PortMapping
from ..records import Record, record_under, with_shards
from ..use import Context
from .epochs import Epochs
from .membership import Membership

NODE = KnownHost("", 0)
"""What is announced: where others see the node."""

LOOK_EVERY = 300.0
"""Seconds between looks at the time: the machine's clock may be set."""


SHARD_AFTER = 30.0
"""Seconds after the key itself that its shard is announced under, about: a newcomer has by then found the
members, and so been found by them. Where hundreds join at once that is work they need not do at first."""


class PrivateAnnouncement(Announcement):
    """An Announcement in one private swarm or several.

    With a `mapping` the port that the router opens is told to the members.
    """

    def __init__(
        self,
        context: Context,
        memberships: Sequence[Membership],
        endpoint: KnownHost,
        data: bytes,
        *,
        mapping: PortMapping | None = None,
        **options: Any,
    ) -> None:
        """`options`: those of an Announcement."""
        super().__init__(context, [one.name for one in memberships], endpoint, **options)
        self.mapping = mapping
        self._memberships, self._data = tuple(memberships), data
        self._further: dict[str, list[Record]] = {}  # of next epochs, and of former ones until they expire
        self._followers: dict[str, list[asyncio.Task[None]]] = {}

    def open(self) -> None:
        for membership in self._memberships:
            membership.hold(self, (self.endpoint, self._data))
        super().open()
        if self.mapping is not None:
            self.mapping.open()
            self._tasks.start(self._follow_mapping(self.mapping))

    async def leave(self, network: str) -> None:
        await cancel(self._followers.pop(network, []), self._clock)
        further = with_shards(self._further.pop(network, []))
        await cancel([one.task for one in further if one.task is not None], self._clock)
        await super().leave(network)
        await self._withdraw(further)

    # Inside

    def _use(self, network: ActiveNetwork) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        # Under no key yet: those take a moment to be derived.
        records = [Record(network, name, index, b"") for index, name in enumerate(self.swarms)]
        self._records[network.name], self._further[network.name] = records, []
        self._all_changed()
        self._followers[network.name] = [
            self._tasks.start(self._follow(network, index, turns)) for index in range(len(records))
        ]

    async def _follow(self, network: ActiveNetwork, index: int, turns: asyncio.Semaphore) -> None:
        """Announce one swarm under the keys of each epoch in turn."""
        membership = self._memberships[index]
        try:
            own = await membership.ready()
            await membership.prover(network)
        except BitBootError as error:
            record = self._records[network.name][index]
            record.failed(error)
            self._has_changed(record)
            return
        while True:
            self._turn_over(network, index, own.epochs, membership.time, turns)
            time = membership.time
            pause = min(LOOK_EVERY, own.epochs.next_change(time) - time)
            await sleep_until(self._clock, self._clock.now() + max(pause, 0.001))

    def _turn_over(
        self, network: ActiveNetwork, index: int, epochs: Epochs, time: float, turns: asyncio.Semaphore
    ) -> None:
        """Begin under the keys that have come up, and stop under those whose time is over."""
        name = network.name
        wanted = [keys.key for keys in epochs.announced(time)]
        current = self._records[name][index]
        held = {one.key: one for one in [current, *self._further[name]] if one.index == index}
        for key in wanted:
            if key not in held:
                held[key] = self._begin(network, index, key, turns)
        if current is not held[wanted[0]]:
            self._records[name][index] = held[wanted[0]]
            self._has_changed(held[wanted[0]])
        for key in held.keys() - set(wanted):
            for record in with_shards([held.pop(key)]):
                # Not withdrawn: somebody whose clock is behind still looks there, until it expires.
                if record.task is not None:
                    record.task.cancel()
        others = [one for one in self._further[name] if one.index != index]
        self._further[name] = [*others, *(held[key] for key in wanted[1:])]

    def _begin(self, network: ActiveNetwork, index: int, key: bytes, turns: asyncio.Semaphore) -> Record:
        salt = self._context.shard_salt
        record = record_under(key, self.swarms[index], index, endpoint=NODE, network=network, shard_salt=salt)
        record.task = self._tasks.start(self._keep(record, turns), failed=partial(self._broken, record))
        if (shard := record.shard) is not None:
            keeping = self._keep_shard(record, shard, turns)
            shard.task = self._tasks.start(keeping, failed=partial(self._broken, shard))
        return record

    async def _keep_shard(self, record: Record, shard: Record, turns: asyncio.Semaphore) -> None:
        """Announce the shard of a record later, or as soon as the record itself cannot be stored."""
        after = self._clock.now() + scattered(SHARD_AFTER, self._context.random)
        with suppress(TimeUp):
            async with deadline(self._clock, after):
                while record.error is None:
                    await self._changed.wait()
        await self._keep(shard, turns)

    def _is_mine(self) -> bool:
        return True

    def _at_present(self, network: ActiveNetwork) -> KnownHost:
        return NODE

    def _all_records(self) -> list[Record]:
        further = [record for records in self._further.values() for record in records]
        return [*super()._all_records(), *with_shards(further)]

    def _records_at(self, index: int) -> list[Record]:
        further = [one for records in self._further.values() for one in records if one.index == index]
        return [*super()._records_at(index), *with_shards(further)]

    async def _withdraw_one(self, record: Record, endpoint: KnownHost) -> None:
        if not self._memberships[record.index].is_announced_by_another(self):
            await super()._withdraw_one(record, endpoint)

    async def _follow_mapping(self, mapping: PortMapping) -> None:
        """Tell the members the port that the router has opened."""
        while mapping.is_open:
            external = mapping.external
            port = self.endpoint.port if external is None else external.port
            for membership in self._memberships:
                membership.announce(self, replace(self.endpoint, port=port), self._data)
            try:
                await mapping.changed()
            except NotRunning:
                return

    async def _clean_up(self) -> None:
        closing = None if self.mapping is None else self.mapping.end()
        await super()._clean_up()
        endings = [membership.let_go(self) for membership in self._memberships]
        for ending in [*endings, closing]:
            if ending is not None:
                await asyncio.wait({ending})
