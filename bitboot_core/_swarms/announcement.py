"""Announcements that renew themselves until they are closed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from types import TracebackType
from typing import Any, Self

from .._networks.network import ActiveNetwork
from .._networks.per_network import PerNetwork, one_error
from ..aio import timing
from ..aio.clock import Clock, TimeUp, deadline
from ..aio.logs import logger
from ..aio.tasks import Signal, Tasks, cancel
from ..errors import AnnounceFailed, BackendTimeout, BitBootError, NotRunning, UsageError
from ..model import KnownHost, Receipt, swarm_key
from .shards import shard_key, shard_of

__all__ = ["Announcement", "AnnouncementStatus"]

AT_ONCE = 16
"""How many swarms are announced at the same time on one network; the others wait their turn."""

WITHDRAW_TIMEOUT = 1.0
"""Seconds that an announcement may take to withdraw when it is closed."""

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class AnnouncementStatus:
    """How an announcement stands on one network, at the moment of asking.

    `stored_on`: how many nodes hold it, as far as known; 0 before the first success and once it has
    lapsed. `expires_in`: seconds until it lapses unless it is renewed, None where it is not stored.
    `next_try`: seconds until it is announced again, None while that is under way, or will not be.
    `last_error`: why the last attempt failed, None where it did not. `successes`: how often it has
    been stored, at first and at each renewal.

    All this is of the swarm's own key. Where the announcement is stored under its shard alone, it is
    of the shard; and of the shard's errors where the key itself has none.
    """

    stored_on: int = 0
    expires_in: float | None = None
    next_try: float | None = None
    last_error: BitBootError | None = None
    successes: int = 0


class _Record:
    """One swarm on one network, under one of its keys. `shard`: the same under its shard's."""

    def __init__(self, network: ActiveNetwork, swarm: str, key: bytes, shard: _Record | None = None) -> None:
        self.network, self.swarm, self.key, self.shard = network, swarm, key, shard
        self.begun = False
        self.moves = 0  # the network's, when it was announced last
        self.outages = 0
        self.size = 0
        self.receipt: Receipt | None = None
        self.expires = 0.0
        self.next_try: float | None = None
        self.successes = self.failures = 0
        self.error: BitBootError | None = None
        self.task: asyncio.Task[None] | None = None

    def stored(self, receipt: Receipt, now: float) -> None:
        self.receipt, self.expires = receipt, now + receipt.lifetime
        self.successes, self.failures, self.error = self.successes + 1, 0, None

    def failed(self, error: BitBootError) -> None:
        self.failures, self.error = self.failures + 1, error

    def failure(self) -> BitBootError | None:
        """Why it is not stored, where that is settled for now."""
        if self.shard is not None and self.shard.failure() is None:
            return None
        if self.error is None and self.task is not None and self.task.done():
            return AnnounceFailed(
                "the announcement has lapsed, and is not renewed", hint="announce with renew=True"
            )
        return self.error

    def status(self, now: float) -> AnnouncementStatus:
        own = self._own_status(now)
        if self.shard is None:
            return own
        shard = self.shard.status(now)
        # Not while the key's first attempt is under way: plain clients look there.
        if shard.stored_on and not own.stored_on and own.last_error is not None:
            return replace(shard, next_try=own.next_try, last_error=own.last_error or shard.last_error)
        return replace(own, last_error=own.last_error or shard.last_error)

    def _own_status(self, now: float) -> AnnouncementStatus:
        next_try = None if self.next_try is None else max(0.0, self.next_try - now)
        if self.receipt is None or now >= self.expires:
            return AnnouncementStatus(next_try=next_try, last_error=self.error, successes=self.successes)
        return AnnouncementStatus(
            self.receipt.stored_on, self.expires - now, next_try, self.error, self.successes
        )


class Announcement:
    """An endpoint in one swarm or several, on every active network, until it is closed.

    Made by `BitBoot.announce`, and begun by `async with`. It renews itself in time and tries again
    after failures. Closing it withdraws it where the network can do that.
    """

    def __init__(
        self,
        swarms: Sequence[str],
        endpoint: KnownHost,
        networks: Callable[[], Iterable[ActiveNetwork]],
        *,
        lifetime: float,
        timeout: float,
        renew: bool,
        shard_salt: bytes,
        clock: Clock,
        random: Random,
        opened: Callable[[Announcement], None],
        closed: Callable[[Announcement], None],
        still_wanted: Callable[[str, KnownHost], bool],
    ) -> None:
        """`networks`: those to begin on. `opened` and `closed` are told when it begins and ends.

        `shard_salt`: as for `shard_of`. `still_wanted`: whether somebody else announces the same, so
        that it must not be withdrawn.
        """
        self.swarms = tuple(swarms)
        self.endpoint = endpoint
        self._networks, self._lifetime, self._timeout, self._renew = networks, lifetime, timeout, renew
        self._shard_salt, self._clock, self._random = shard_salt, clock, random
        self._opened, self._closed, self._still_wanted = opened, closed, still_wanted
        self._records: dict[str, list[_Record]] = {}
        self._tasks = Tasks(clock)
        self._changed = Signal()
        self._state = "new"

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    def open(self) -> None:
        """Begin. `async with` does this. Raises NotRunning where it has been closed, or BitBoot has."""
        if self._state != "new":
            raise NotRunning("an announcement is opened once", hint="make another one with announce()")
        networks = list(self._networks())
        self._state = "open"
        self._opened(self)
        for network in networks:
            self.join(network)

    async def aclose(self) -> None:
        """Stop renewing and withdraw, within about a second. May be called twice."""
        if self._state != "open":
            self._state = "closed"
            return
        self._state = "closed"
        self._closed(self)
        self._changed.notify()
        await self._tasks.cancel()
        records = [record for records in self._records.values() for record in records]
        await self._withdraw(
            record for record in records if not self._still_wanted(record.swarm, self.endpoint)
        )

    async def announced(self, timeout: float | None = None) -> None:
        """Wait until every swarm is stored on at least one node.

        Raises as soon as a swarm's last attempt has failed on every network: the network's own
        error, or AllBackendsFailed for several. (Attempts go on all the same: one may wait again.)
        An attempt ends within BitBoot's timeout; `timeout` sets a shorter limit, in seconds, after
        which BackendTimeout is raised. Raises NotRunning once it is closed.
        """
        try:
            async with deadline(self._clock, None if timeout is None else self._clock.now() + timeout):
                await asyncio.sleep(0)  # whoever asks in a loop shall not hold up the attempts
                while not self._is_stored():
                    await self._changed.wait()
        except TimeUp:
            raise BackendTimeout(f"{self.endpoint} was not announced within {timeout:g} s") from None

    async def changed(self) -> None:
        """Wait until an attempt on one of the networks has ended, well or not.

        Returns when it is closed too; raises NotRunning where it is not open.
        """
        self._check_open()
        await self._changed.wait()

    @property
    def status(self) -> PerNetwork[AnnouncementStatus]:
        """How it stands on each network. With several swarms: how the worst of them stands."""
        now = self._clock.now()
        return self._per_network(
            {
                name: _worst([record.status(now) for record in records])
                for name, records in self._records.items()
            }
        )

    def status_of(self, swarm: str) -> PerNetwork[AnnouncementStatus]:
        """How one of its swarms stands on each network."""
        now = self._clock.now()
        return self._per_network(
            {
                name: record.status(now)
                for name, records in self._records.items()
                for record in records
                if record.swarm == swarm
            }
        )

    # Called by BitBoot when networks come and go

    def join(self, network: ActiveNetwork) -> None:
        """Announce on this network too."""
        turns = asyncio.Semaphore(AT_ONCE)
        records = [self._record(network, swarm) for swarm in self.swarms]
        self._records[network.name] = records
        # Shards after the keys that everybody looks under.
        for record in _with_shards(records):
            record.task = self._tasks.start(self._keep(record, turns))

    def _record(self, network: ActiveNetwork, swarm: str) -> _Record:
        key = swarm_key(swarm)
        if network.crowd is None:
            return _Record(network, swarm, key)
        number = shard_of(key, self.endpoint, self._shard_salt)
        return _Record(network, swarm, key, _Record(network, swarm, shard_key(key, number)))

    async def leave(self, network: str) -> None:
        """Announce no more on this network, and withdraw from it."""
        records = self._records.pop(network, [])
        self._changed.notify()
        tasks = {record.task for record in _with_shards(records) if record.task is not None}
        await cancel(tasks, self._clock)
        await self._withdraw(records)

    # Inside

    async def _keep(self, record: _Record, turns: asyncio.Semaphore) -> None:
        """Announce one swarm on one network, again and again."""
        while True:
            record.next_try = None
            async with turns:
                record.begun = True
                final = await self._attempt(record)
            if not final:
                record.next_try = self._clock.now() + self._pause(record)
            self._changed.notify()
            if record.next_try is None:
                return
            await self._wait(record)

    async def _wait(self, record: _Record) -> None:
        """Until the next try is due, or there is a reason to try sooner."""
        try:
            async with deadline(self._clock, record.next_try):
                while not self._is_called_for(record):
                    await record.network.news.wait()
        except TimeUp:
            pass

    def _is_called_for(self, record: _Record) -> bool:
        """Whether the network is back after a failure, or has grown, or we have moved and announce "mine"."""
        network = record.network
        # Also what has not lapsed: the nodes that stored it may be back without it, or be others.
        returned = network.outages_over > record.outages
        # While a network comes together, those who are closest to the key are others every minute.
        grown = record.receipt is not None and timing.has_grown(network.size, record.size)
        return returned or grown or (self.endpoint.is_any and network.moves > record.moves)

    async def _attempt(self, record: _Record) -> bool:
        """Announce once. Whether it was for the last time."""
        record.moves, record.outages = record.network.moves, record.network.outages_over
        try:
            receipt = await record.network.announce(
                record.key, self.endpoint, lifetime=self._lifetime, timeout=self._timeout
            )
        except BitBootError as error:
            record.failed(error)
            # What cannot be will not be later either.
            return not self._renew or isinstance(error, (UsageError, NotRunning))
        record.stored(receipt, self._clock.now())
        # Never less than at the last look, or the next one to compare would begin at once, again and again.
        record.size = max(record.network.size, record.network.count_contacts())
        return not self._renew

    def _pause(self, record: _Record) -> float:
        lifetime = record.receipt.lifetime if record.receipt else self._lifetime
        if record.failures:
            left = record.expires - self._clock.now()
            return timing.retry_after(record.failures, lifetime, self._random, left=left)
        return timing.renew_after(lifetime, self._random)

    def _is_stored(self) -> bool:
        """Whether every swarm is stored somewhere. Raises where one of them has failed everywhere."""
        self._check_open()
        now = self._clock.now()
        stored = True
        for index, swarm in enumerate(self.swarms):
            records = [records[index] for records in self._records.values()]
            if any(record.status(now).stored_on for record in records):
                continue
            stored = False
            failures = {record.network.name: record.failure() for record in records}
            errors = {name: error for name, error in failures.items() if error is not None}
            if len(errors) == len(records):
                if not errors:
                    raise NotRunning("no network is active", hint="add one with add_network()")
                raise one_error(errors, f"announcing {self.endpoint} in {swarm}")
        return stored

    def _check_open(self) -> None:
        if self._state != "open":
            raise NotRunning("the announcement is not open", hint="use it with `async with`")

    async def _withdraw(self, records: Iterable[_Record]) -> None:
        # Also where the first attempt was cut short: a node may have stored it already.
        due = [record for record in _with_shards(list(records)) if record.begun]
        if due:
            try:
                async with deadline(self._clock, self._clock.now() + WITHDRAW_TIMEOUT):
                    await asyncio.gather(*(self._withdraw_one(record) for record in due))
            except TimeUp:
                log.warning("%s could not be withdrawn in time, and will lapse", self.endpoint)

    async def _withdraw_one(self, record: _Record) -> None:
        try:
            await record.network.withdraw(record.key, self.endpoint, timeout=WITHDRAW_TIMEOUT)
        except BitBootError as error:
            log.info("%s was not withdrawn from %s, and will lapse: %s", self.endpoint, record.swarm, error)

    def _per_network(self, values: dict[str, AnnouncementStatus]) -> PerNetwork[AnnouncementStatus]:
        backends = {name: records[0].network.backend_name for name, records in self._records.items()}
        return PerNetwork(values, backends)


def _with_shards(records: Sequence[_Record]) -> list[_Record]:
    return [*records, *(record.shard for record in records if record.shard is not None)]


def _worst(statuses: Sequence[AnnouncementStatus]) -> AnnouncementStatus:
    def first(values: Iterable[Any]) -> Any:
        return min((value for value in values if value is not None), default=None)

    stored_on = min(status.stored_on for status in statuses)
    return AnnouncementStatus(
        stored_on,
        first(status.expires_in for status in statuses) if stored_on else None,
        first(status.next_try for status in statuses),
        next((status.last_error for status in statuses if status.last_error is not None), None),
        min(status.successes for status in statuses),
    )
