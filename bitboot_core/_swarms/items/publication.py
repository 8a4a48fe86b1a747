"""Publications: a mutable item, published and kept on every active network until it is closed."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Callable
from functools import partial

from ..._networks.network import ActiveNetwork
from ..._networks.per_network import PerNetwork, one_error
from ...aio.clock import TimeUp, deadline
from ...aio.tasks import Signal, cancel
from ...errors import (
    BackendTimeout,
    BitBootError,
    ItemOutdated,
    LibraryMissing,
    NotRunning,
    UnsupportedOperation,
    UsageError,
)
from ...identity import Identity
from ...items import LIFETIME, MAX_SEQ, Item, byte_string
from ..records import AnnouncementStatus
from ..use import Context, NetworkUser
from .record import ItemRecord

__all__ = ["Publication"]

OVERTAKES = 3
"""How often one attempt is made again at once with a higher number, where newer versions turn up."""


def wall_clock() -> int:
    """Microseconds since 1970: what sequence numbers are made of."""
    return time.time_ns() // 1000


class Publication(NetworkUser):
    """A mutable item on every active network that keeps items, until it is closed.

        async with bitboot.publishing(identity, b"hello") as publication:
            await publication.published()
            await publication.update(b"hello again")

    Made by `BitBoot.publishing` and `BitBoot.publish`. It is put again in time, and tried again after
    failures. Closed, it is put no more, and nodes forget it within two hours: it cannot be taken back.

    Sequence numbers are the time in microseconds, so that a program which keeps nothing goes on from where it
    was; where the network has a version with a higher number, the next higher one is taken. Of several who
    publish under one key the one who did so last counts: the others find that out at the latest when they put
    theirs again, which then ends in ItemOutdated and is not tried any more (`status`). `update` overtakes.
    """

    what = "publication"
    made_by = "publishing"

    def __init__(
        self,
        context: Context,
        identity: Identity,
        encoded: bytes,
        *,
        salt: bytes = b"",
        cas: int | None = None,
        timeout: float,
        now: Callable[[], int] | None = None,
    ) -> None:
        """`encoded`: the value, bencoded. `cas`: as for `BitBoot.publish`. `timeout`: of one attempt."""
        super().__init__(context)
        self._identity, self._timeout, self._now = identity, timeout, now or wall_clock
        self._cas = cas
        first = self._now() if cas is None else max(self._now(), cas + 1)
        self._item = Item.signed(identity, encoded, seq=first, salt=salt)
        self._records: dict[str, ItemRecord] = {}
        self._changed = Signal()

    def __repr__(self) -> str:
        status = "".join(f", stored on {one.stored_on} of {name}" for name, one in self.status.items())
        return f"<Publication of {self._item.target.hex()}: {self._state}{status}>"

    def __del__(self) -> None:
        """Warn where it was never begun: `async with` was forgotten, and nobody can find this item."""
        if getattr(self, "_state", "") == "new":
            warnings.warn(
                "a publication was never begun: use `async with`", ResourceWarning, source=self, stacklevel=2
            )

    @property
    def item(self) -> Item:
        """The version that is published at the moment: its value, number, key, salt and target."""
        return self._item

    async def update(self, value: bytes, *, cas: int | None = None) -> None:
        """Publish another value in its place, and wait until at least one node has stored that.

        `cas` and what is raised: as for `BitBoot.publish`. Raises NotRunning where it is not open.
        """
        self._check_open()
        encoded = byte_string(value)
        known = [record.newest for record in self._records.values()]
        seq = max([self._now(), self._item.seq + 1, *(one + 1 for one in known if one < MAX_SEQ - 1)])
        self._item = Item.signed(self._identity, encoded, seq=seq, salt=self._item.salt)
        self._cas = cas
        for record in self._records.values():
            record.begin(cas)
        self._changed.notify()
        await self.published()

    async def published(self, timeout: float | None = None) -> None:
        """Wait until at least one node has stored the present version.

        Raises as soon as the last attempt has failed on every network: the network's own error, or
        AllBackendsFailed for several. (Where that may help, attempts go on all the same.) An attempt ends
        within BitBoot's timeout; `timeout` sets a shorter limit, in seconds, after which BackendTimeout is
        raised. Raises NotRunning once it is closed.
        """
        try:
            async with deadline(self._clock, None if timeout is None else self._clock.now() + timeout):
                await asyncio.sleep(0)  # whoever asks in a loop must not hold up the attempts
                while not self._is_published():
                    await self._changed.wait()
        except TimeUp:
            raise BackendTimeout(
                f"the item was not published within {timeout:g} s", hint="allow more time with timeout="
            ) from None

    async def changed(self) -> None:
        """Wait until an attempt on one of the networks has ended, well or not.

        Returns when it is closed too; raises NotRunning where it is not open.
        """
        self._check_open()
        await self._changed.wait()

    @property
    def status(self) -> PerNetwork[AnnouncementStatus]:
        """How it stands on each network that keeps items."""
        now = self._clock.now()
        backends = {name: record.network.backend_name for name, record in self._records.items()}
        return PerNetwork({name: record.status(now) for name, record in self._records.items()}, backends)

    def is_over(self, network: str) -> bool:
        """Whether it is not put on this network any more, unless it is updated: why, its status says."""
        record = self._records.get(network)
        return record is not None and record.is_final

    async def leave(self, network: str) -> None:
        """Publish no more on this network."""
        record = self._records.pop(network, None)
        self._changed.notify()
        if record is not None:
            await cancel(record.tasks, self._clock)

    # Inside

    def _use(self, network: ActiveNetwork) -> None:
        try:
            network.items.check()
        except UnsupportedOperation:
            return
        record = ItemRecord(network, self._item.target, self._cas, may_overtake=not self._records_stored())
        self._records[network.name] = record
        self._changed.notify()
        failed = partial(self._broken, record)
        record.tasks = [
            self._tasks.start(self._keep(record), failed=failed),
            self._tasks.start(record.listen(), failed=failed),
        ]
        record.task = record.tasks[0]

    def _stop(self) -> None:
        self._changed.notify()

    def _records_stored(self) -> bool:
        return any(record.seq == self._item.seq for record in self._records.values())

    def _broken(self, record: ItemRecord, error: BaseException) -> None:
        """A record's task has ended in an error that nobody has foreseen: it is published no more."""
        record.failed(record.network.wrapped(error, "publish"))
        record.next_try = None
        self._changed.notify()

    def _is_published(self) -> bool:
        """Whether it is stored somewhere. Raises where it has failed everywhere, or is closed."""
        self._check_open()
        now, records = self._clock.now(), self._records
        if any(record.seq == self._item.seq and record.is_stored(now) for record in records.values()):
            return True
        errors = {name: record.error for name, record in records.items() if record.error is not None}
        if len(errors) == len(records):
            if not errors:
                raise NotRunning("no network that keeps items is active", hint="add one with add_network()")
            raise one_error(errors, "publishing an item")
        return False

    async def _keep(self, record: ItemRecord) -> None:
        """Publish on one network, again and again."""
        while True:
            record.next_try = None
            record.is_final = False
            record.is_final = await self._attempt(record)
            if not record.is_final:
                now = self._clock.now()
                record.next_try = now + record.pause(now, LIFETIME, self._context.random)
            self._changed.notify()
            while self._item is record.item and (
                record.is_final or not record.is_called_for(self._clock.now(), mine=False)
            ):
                try:
                    async with deadline(self._clock, record.due):
                        await record.woken.wait()
                except TimeUp:
                    break

    async def _attempt(self, record: ItemRecord) -> bool:
        """Publish once. Whether it was for the last time, until there is another version."""
        overtaken = 0
        while True:
            item = record.item = self._item
            record.attempted()
            try:
                receipt = await record.network.items.publish(item, cas=record.cas, timeout=self._timeout)
            except ItemOutdated as error:
                if item is not self._item:
                    continue
                record.newest = error.seq if error.seq is not None else record.newest
                overtaken += 1
                if overtaken <= OVERTAKES and self._overtake(record, error):
                    continue
                record.failed(error)
                return True
            except BitBootError as error:
                record.failed(error)
                # What cannot be will not be later either.
                return isinstance(error, (UsageError, NotRunning, LibraryMissing))
            if item is self._item:
                record.has_stored(item.seq)
                record.stored(receipt, self._clock.now())
                return False

    def _overtake(self, record: ItemRecord, error: ItemOutdated) -> bool:
        """Take a higher number where the network has one: whether there is another version now to publish."""
        if error.seq is None:
            return False
        if error.encoded == self._item.encoded and error.seq > self._item.seq:
            seq = error.seq  # somebody with this key publishes the same
        elif record.may_overtake and record.cas is None and error.seq < MAX_SEQ - 1:
            seq = max(error.seq, self._item.seq) + 1
        else:
            return False
        self._item = Item.signed(self._identity, self._item.encoded, seq=seq, salt=self._item.salt)
        for other in self._records.values():
            other.woken.notify()
        return True
