"""A lookup: the streams of all networks merged into one, each peer once, failures kept."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Self

from .._networks.network import ActiveNetwork
from .._networks.per_network import PerNetwork, one_error
from ..aio.clock import Timer
from ..aio.tasks import cancel
from ..errors import BackendError, BitBootError, NotRunning
from ..model import KnownHost, Peer
from .details import Details
from .keys import SwarmName, swarm_key
from .next_door import NextDoor
from .shards import all_shards
from .streams import close_stream
from .use import Context, NetworkUser

__all__ = ["Lookup"]

BATCH = 256
"""How many peers a stream may hand over without a pause. Peers that arrive one by one are handed
over one by one; a backend that has many at hand does not pay for a task switch each."""

BUFFER = 1024
"""How many peers may wait for the reader. A stream that would exceed it waits as well."""

MAX_PEERS = 1 << 18
"""How many different peers a lookup takes: a network that invents more is cut off."""

AT_ONCE = 16
"""How many keys are looked up at the same time on one network; the others wait their turn."""


class Lookup(NetworkUser):
    """The peers of one swarm or several, as they arrive. Made by `BitBoot.find`.

        async with bitboot.find("unique_network", limit=50, timeout=20) as found:
            async for peer in found:
                ...
        found.failures

    Each endpoint comes once. The iteration ends when all networks have been asked, at the limit, or
    when the time is up. If nothing was found and every network failed, it raises the network's error
    (AllBackendsFailed for several); otherwise what failed is in `failures`.
    """

    what = "lookup"
    made_by = "find"

    def __init__(
        self, context: Context, swarms: Sequence[SwarmName], *, limit: int | None = None, timeout: float
    ) -> None:
        super().__init__(context)
        self.swarms: tuple[SwarmName, ...] = tuple(swarms)
        self._keys = [swarm_key(swarm) for swarm in self.swarms]
        self._timeout = timeout
        self._limit = math.inf if limit is None else limit
        self.crowded: bool = False
        """Whether a swarm's own key held so many peers that its shards were read as well."""
        self.changed: set[KnownHost] = set()
        """Those of which other details came to be known after they were found."""
        self._asked: dict[str, ActiveNetwork] = {}
        self._readers: list[asyncio.Task[None]] = []
        self._awaited: dict[asyncio.Task[None], ActiveNetwork] = {}  # readers that may still find somebody
        self._failures: dict[str, BitBootError] = {}
        self._succeeded = 0
        self._sources: dict[KnownHost, tuple[str, ...]] = {}
        self._peer_ids: dict[KnownHost, str] = {}  # the newest of each, where it has one
        self._buffer: deque[KnownHost] = deque()
        self._next_door = NextDoor(self._awaited.values())
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()
        self._timer: Timer | None = None
        self._has_failed = False

    def __repr__(self) -> str:
        swarms = ", ".join(map(str, self.swarms))
        return f"<Lookup of {swarms}: {self._state}, {len(self._sources)} peers found>"

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Peer:
        buffer = self._buffer
        while not buffer:
            await self._more()
        host = buffer.popleft()
        return self._peer(host)

    async def collect(self) -> list[Peer]:
        """Read to the end, and return all peers found since the beginning."""
        while await self.endpoints():
            pass
        return self.peers

    @property
    def peers(self) -> list[Peer]:
        """All peers found so far, each with every network that told of it; the local network's first."""
        peers = [self._peer(host) for host in self._sources]
        return self._next_door.nearest_first(peers)

    @property
    def failures(self) -> PerNetwork[BitBootError]:
        """What went wrong, by network: only those that failed, and the first error of each."""
        return PerNetwork(self._failures, {name: one.backend_name for name, one in self._asked.items()})

    def open(self) -> None:
        """Begin. `async with` does this. Raises NotRunning where it has been closed, or BitBoot has."""
        super().open()
        self._timer = self._clock.call_at(self._clock.now() + self._timeout, self._time_is_up)

    def join(self, network: ActiveNetwork) -> None:
        """A lookup asks the networks that there were when it began."""

    async def leave(self, network: str) -> None:
        """Ask this network no more."""
        readers = [reader for reader, active in self._awaited.items() if active.name == network]
        for reader in readers:
            self._give_up(reader, NotRunning(f"the network {network} was removed meanwhile"))
        await cancel(readers, self._clock)

    @property
    def unproved(self) -> int:
        """How many were found who did not prove to be members; 0 where the swarm is not private."""
        return 0

    async def endpoints(self) -> list[KnownHost]:
        """Where the peers are that have arrived since, once there are some; none: these were all."""
        try:
            while not self._buffer:
                await self._more()
        except StopAsyncIteration:
            return []
        arrived = list(self._buffer)
        self._buffer.clear()
        return arrived

    def details(self, host: KnownHost) -> Details:
        """What else is known of a peer that was found."""
        return self._peer_ids.get(host), None, None

    # Inside

    def _peer(self, host: KnownHost) -> Peer:
        return Peer(host.host, host.port, self._sources[host], *self.details(host))

    def _stream(self, network: ActiveNetwork, key: bytes) -> AsyncIterator[KnownHost]:
        """The peers under a key of one network."""
        return network.lookup(key)

    def _use(self, network: ActiveNetwork) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        self._asked[network.name] = network
        self._next_door.use(network)
        for key in self._keys:
            self._start(network, key, turns, network.crowd)

    def _start(self, network: ActiveNetwork, key: bytes, turns: asyncio.Semaphore, crowd: int | None) -> None:
        # The network owns the tasks: it outlives a backend that does not heed a cancellation.
        reader = network.tasks.start(self._read(network, key, turns, crowd))
        self._readers.append(reader)
        self._awaited[reader] = network
        reader.add_done_callback(self._ended)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._awaited.clear()
        self._arrived.set()

    async def _clean_up(self) -> None:
        await cancel([reader for reader in self._readers if not reader.done()], self._clock)

    async def _more(self) -> None:
        """Wait until there is something to read, or raise what ends the reading."""
        self._room.set()
        if self._state == "new":
            self._check_open()
        if self._awaited and self._state == "open":
            self._arrived.clear()
            await self._arrived.wait()
        elif self._failures and not (self._succeeded or self._sources or self._has_failed) and self.is_open:
            self._has_failed = True
            raise one_error(self._failures, f"looking up {', '.join(map(str, self.swarms))}")
        else:
            raise StopAsyncIteration

    async def _read(
        self, network: ActiveNetwork, key: bytes, turns: asyncio.Semaphore, crowd: int | None
    ) -> None:
        """Read the stream of one key on one network, and have its shards read where it is a crowd's."""
        stream: AsyncIterator[KnownHost] | None = None
        try:
            try:
                async with turns:
                    stream = self._stream(network, key)
                    told = await self._take(stream, network)
                    self._succeeded += 1
                    network.heard(None)
                if crowd is not None and told >= crowd and asyncio.current_task() in self._awaited:
                    self.crowded = True
                    for shard in all_shards(key):
                        self._start(network, shard, turns, None)
            finally:
                await close_stream(stream)
        except Exception as error:  # noqa: BLE001 - the backend's own, whatever it is; in `failures`
            self._fail(network, network.wrapped(error, "look up"))

    async def _take(self, stream: AsyncIterator[KnownHost], network: ActiveNetwork) -> int:
        """Read a stream to its end, or to the lookup's. How many different peers it told of."""
        sources, buffer, arrived = self._sources, self._buffer, self._arrived
        told = set()
        name, alone = network.name, (network.name,)
        count = 0
        async for host in stream:
            count += 1
            # What a backend yields is as untrusted as the strangers who told it.
            if isinstance(host, KnownHost) and host.port and not host.is_any:
                told.add(host)
                known = sources.get(host)
                if host.peer_id is not None and host.peer_id != self._peer_ids.get(host):
                    self._peer_ids[host] = host.peer_id
                    if known is not None:
                        self.changed.add(host)
                if known is None:
                    sources[host] = alone
                    if not self._next_door.holds(host, network):
                        buffer.append(host)
                        arrived.set()
                    if len(sources) >= self._limit:
                        self._finish()
                        break
                    if len(sources) >= MAX_PEERS:
                        raise BackendError(
                            f"{name} claims more than {MAX_PEERS} peers: the others are left out"
                        )
                elif name not in known:
                    sources[host] = (*known, name)
            if count % BATCH == 0 or len(buffer) >= BUFFER:
                await asyncio.sleep(0)
                await self._wait_for_room()
        return len(told)

    def _release(self) -> None:
        """Hand out what was held, unless there is still something to wait for."""
        released = self._next_door.released()
        if released:
            self._buffer.extend(released)
            self._arrived.set()

    async def _wait_for_room(self) -> None:
        while len(self._buffer) >= BUFFER:
            self._room.clear()
            await self._room.wait()

    def _finish(self) -> None:
        """Enough was found: nobody is waited for any more."""
        others = self._awaited.keys() - {asyncio.current_task()}
        self._awaited.clear()
        self._release()
        self._arrived.set()
        for reader in others:
            reader.cancel()

    def _time_is_up(self) -> None:
        for reader, network in list(self._awaited.items()):
            self._give_up(reader, network.late(self._timeout))

    def _has_answered(self, network: ActiveNetwork) -> bool:
        """Whether a network has told of somebody: it is there, however long it takes to tell all."""
        return any(network.name in sources for sources in self._sources.values())

    def _give_up(self, reader: asyncio.Task[None], error: BitBootError) -> None:
        """The reading goes on without this reader, however long it takes to end."""
        network = self._awaited.pop(reader)
        self._failures.setdefault(network.name, error)
        if not self._has_answered(network):
            self._fail(network, error)
        reader.cancel()
        self._release()
        self._arrived.set()

    def _fail(self, network: ActiveNetwork, error: BitBootError) -> None:
        self._failures.setdefault(network.name, error)
        network.heard(error)

    def _ended(self, reader: asyncio.Task[None]) -> None:
        network = self._awaited.pop(reader, None)
        if network is not None and reader.cancelled():
            self._fail(network, BackendError(f"{network.backend_name} cancelled the lookup by itself"))
        self._release()
        self._arrived.set()
