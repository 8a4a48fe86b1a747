"""Announcements that renew themselves until they are closed."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from .._networks.network import ActiveNetwork
from .._networks.per_network import PerNetwork, one_error
from ..aio.clock import TimeUp, deadline
from ..aio.logs import logger
from ..aio.tasks import Signal, cancel
from ..errors import BackendTimeout, BitBootError, NotRunning, UsageError
from ..model import KnownHost
from .keys import SwarmName
from .records import AnnouncementStatus, Record, records_of, with_shards, worst
from .use import Context, NetworkUser

if TYPE_CHECKING:
    from .ports.mapping import PortMapping

__all__ = ["Announcement"]

AT_ONCE = 16
"""How many swarms are announced at the same time on one network; the others wait their turn."""

WITHDRAW_TIMEOUT = 1.0
"""Seconds that an announcement may take to withdraw when it is closed."""

log = logger(__name__)


class Announcement(NetworkUser):
    """An endpoint in one swarm or several, on every active network, until it is closed.

    Made by `BitBoot.announce`, and begun by `async with`. It renews itself in time and tries again
    after failures. Closing it withdraws it where the network can do that.
    """

    what = "announcement"
    made_by = "announce"

    def __init__(
        self,
        context: Context,
        swarms: Sequence[SwarmName],
        endpoint: KnownHost,
        *,
        renew: bool = True,
        timeout: float | None = None,
        lifetime: float | None = None,
    ) -> None:
        """`timeout`: seconds for one attempt; `lifetime`: seconds to ask for. None: the config's."""
        super().__init__(context)
        self._timeout = context.config.timeout if timeout is None else timeout
        self._lifetime = context.config.lifetime if lifetime is None else lifetime
        self.swarms: tuple[SwarmName, ...] = tuple(swarms)
        self.endpoint = endpoint
        self.mapping: PortMapping | None = None
        """The port that the router is asked to open for it, with `map_port=True`."""
        self._renew = renew
        self._places = {swarm: index for index, swarm in enumerate(self.swarms)}
        self._records: dict[str, list[Record]] = {}
        self._changed = Signal()
        self._unseen: dict[object, set[int]] = {}
        """For each caller of `announced`: the swarms that may stand otherwise than when it looked."""

    def __repr__(self) -> str:
        swarms = ", ".join(map(str, self.swarms))
        status = "".join(f", stored on {one.stored_on} of {name}" for name, one in self.status.items())
        return f"<Announcement of {self.endpoint} in {swarms}: {self._state}{status}>"

    def __del__(self) -> None:
        """Warn where it was never begun: `async with` was forgotten, and nobody can find this peer."""
        if getattr(self, "_state", "") == "new":
            warnings.warn(
                f"an announcement in {', '.join(map(str, self.swarms))} was never begun: use `async with`",
                ResourceWarning,
                source=self,
                stacklevel=2,
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
                await asyncio.sleep(0)  # whoever asks in a loop must not hold up the attempts
                await self._all_stored()
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
                name: worst([record.status(now) for record in records])
                for name, records in self._records.items()
            }
        )

    def status_of(self, swarm: SwarmName) -> PerNetwork[AnnouncementStatus]:
        """How one of its swarms stands on each network."""
        now = self._clock.now()
        index = self._places.get(swarm)
        if index is None:
            return self._per_network({})
        return self._per_network({name: those[index].status(now) for name, those in self._records.items()})

    def open(self) -> None:
        super().open()
        self._context.heirs.add(self.endpoint, self.swarms, self._records_at)

    async def leave(self, network: str) -> None:
        """Announce no more on this network, and withdraw from it."""
        records = with_shards(self._records.pop(network, []))
        self._all_changed()
        tasks = {record.task for record in records if record.task is not None}
        await cancel(tasks, self._clock)
        await self._withdraw(records)

    # Inside

    def _use(self, network: ActiveNetwork) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        records = records_of(self.swarms, self.endpoint, network, self._context.shard_salt)
        self._records[network.name] = records
        self._all_changed()
        for record in with_shards(records):
            record.task = self._tasks.start(self._keep(record, turns), failed=partial(self._broken, record))

    def _stop(self) -> None:
        self._context.heirs.remove(self.endpoint, self.swarms, self._records_at)
        self._changed.notify()

    def _has_changed(self, record: Record) -> None:
        for unseen in self._unseen.values():
            unseen.add(record.index)
        self._changed.notify()

    def _all_changed(self) -> None:
        for unseen in self._unseen.values():
            unseen.update(range(len(self.swarms)))
        self._changed.notify()

    async def _clean_up(self) -> None:
        await self._tasks.cancel()
        due = []
        for record in self._all_records():
            heir = self._context.heirs.of(record, self.endpoint)
            if heir is None or heir.endpoint not in (None, record.endpoint):
                due.append(record)
            else:  # somebody else announces the same: it is theirs to withdraw
                heir.begun |= record.begun
        await self._withdraw(due)

    def _broken(self, record: Record, error: BaseException) -> None:
        """A record's task has ended in an error that nobody has foreseen: it is announced no more."""
        record.failed(record.network.wrapped(error, "announce"))
        record.next_try = None
        self._has_changed(record)

    def _all_records(self) -> list[Record]:
        return with_shards(record for records in self._records.values() for record in records)

    def _records_at(self, index: int) -> list[Record]:
        """How one of its swarms stands on every network, under every key."""
        return with_shards(records[index] for records in self._records.values())

    async def _keep(self, record: Record, turns: asyncio.Semaphore) -> None:
        """Announce one swarm on one network, again and again."""
        while True:
            record.next_try = None
            async with turns:
                record.begun = True
                final = await self._attempt(record)
            if not final:
                now = self._clock.now()
                record.next_try = now + record.pause(now, self._lifetime, self._context.random)
            self._has_changed(record)
            if record.next_try is None:
                return
            await self._wait(record)

    async def _wait(self, record: Record) -> None:
        """Until the next try is due, or there is a reason to try sooner."""
        while not (
            record.is_called_for(self._clock.now(), mine=self._is_mine())
            or self._at_present(record.network) != record.endpoint
        ):
            try:
                async with deadline(self._clock, record.due):
                    await record.network.news.wait()
            except TimeUp:
                return

    async def _attempt(self, record: Record) -> bool:
        """Announce once. Whether it was for the last time."""
        await self._prepare(record.network)
        endpoint, former = self._at_present(record.network), record.endpoint
        record.attempted(endpoint)
        if former not in (None, endpoint):
            await self._withdraw_one(record, former)
        try:
            receipt = await record.network.announce(
                record.key, endpoint, lifetime=self._lifetime, timeout=self._timeout
            )
        except BitBootError as error:
            record.failed(error)
            # What cannot be will not be later either.
            return not self._renew or isinstance(error, (UsageError, NotRunning))
        record.stored(receipt, self._clock.now())
        return not self._renew

    def _is_mine(self) -> bool:
        return self.endpoint.is_any  # and so changes with this machine's address

    async def _prepare(self, network: ActiveNetwork) -> None:
        """Before each attempt on a network."""

    def _at_present(self, network: ActiveNetwork) -> KnownHost:
        """What is to be announced there."""
        return self.endpoint

    async def _all_stored(self) -> None:
        """Wait until every swarm is stored somewhere. Raises where one of them has failed everywhere.

        At each change only the swarms that have changed are looked at: there may be thousands.
        """
        everyone = range(len(self.swarms))
        caller, unseen, missing = object(), set(everyone), set(everyone)
        self._unseen[caller] = unseen
        try:
            while True:
                self._check_open()
                for index in sorted(unseen):
                    (missing.discard if self._is_stored(index) else missing.add)(index)
                unseen.clear()
                if not missing:  # some may have expired while others were awaited
                    missing.update(index for index in everyone if not self._is_stored(index))
                    if not missing:
                        return
                await self._changed.wait()
        finally:
            del self._unseen[caller]

    def _is_stored(self, index: int) -> bool:
        """Whether a swarm is stored somewhere. Raises where it has failed everywhere."""
        now = self._clock.now()
        records = [records[index] for records in self._records.values()]
        if any(record.is_stored(now) for record in records):
            return True
        failures = {record.network.name: record.failure() for record in records}
        errors = {name: error for name, error in failures.items() if error is not None}
        if len(errors) == len(records):
            if not errors:
                raise NotRunning("no network is active", hint="add one with add_network()")
            raise one_error(errors, f"announcing {self.endpoint} in {self.swarms[index]}")
        return False

    async def _withdraw(self, records: Iterable[Record]) -> None:
        # Also where the first attempt was cut short: a node may have stored it already.
        due = [record for record in records if record.begun]
        if due:
            try:
                async with deadline(self._clock, self._clock.now() + WITHDRAW_TIMEOUT):
                    await asyncio.gather(
                        *(self._withdraw_one(record, record.endpoint or self.endpoint) for record in due)
                    )
            except TimeUp:
                log.warning("%s could not be withdrawn in time, and will expire", self.endpoint)

    async def _withdraw_one(self, record: Record, endpoint: KnownHost) -> None:
        try:
            await record.network.withdraw(record.key, endpoint, timeout=WITHDRAW_TIMEOUT)
        except BitBootError as error:
            log.info("%s was not withdrawn from %s, and will expire: %s", self.endpoint, record.swarm, error)

    def _per_network(self, values: dict[str, AnnouncementStatus]) -> PerNetwork[AnnouncementStatus]:
        backends = {name: records[0].network.backend_name for name, records in self._records.items()}
        return PerNetwork(values, backends)
