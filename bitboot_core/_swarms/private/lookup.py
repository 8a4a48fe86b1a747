"""Looking a private swarm up: its claims are asked, and those come out who have proved to be members."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from ..._networks.network import ActiveNetwork
from ...aio.tasks import Signal, cancel
from ...backend import Scope
from ...errors import BitBootError
from ...model import KnownHost, Peer
from ..lookup import AT_ONCE, Lookup
from ..shards import all_shards
from ..streams import close_stream
from ..use import Context
from .claims import MAX_CLAIMS, Claim
from .epochs import EpochKeys
from .membership import Membership
from .prover import Prover
from .record import MemberRecord
from .session import Session


class PrivateLookup(Lookup):
    """A Lookup of one private swarm or several: its peers are proved members."""

    def __init__(
        self, context: Context, memberships: Sequence[Membership], *, limit: int | None = None, timeout: float
    ) -> None:
        super().__init__(context, [one.name for one in memberships], limit=limit, timeout=timeout)
        self._memberships = {one.name.encode(): one for one in memberships}
        self._members: dict[KnownHost, MemberRecord] = {}
        self._claimed: set[tuple[str, KnownHost]] = set()
        self._proved: set[tuple[str, KnownHost]] = set()

    def open(self) -> None:
        for membership in self._memberships.values():
            membership.hold(self)
        super().open()

    @property
    def unproved(self) -> int:
        return len(self._claimed - self._proved)

    # Inside

    def _use(self, network: ActiveNetwork) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        self._asked[network.name] = network
        if network.is_running and network.scope is Scope.LAN:
            self._near.add(network.name)
        for name in self._memberships:  # in place of a key: which that is changes
            self._start(network, name, turns, None)

    async def _clean_up(self) -> None:
        await super()._clean_up()
        endings = [membership.let_go(self) for membership in self._memberships.values()]
        for ending in endings:
            if ending is not None:
                await asyncio.wait({ending})

    def _peer(self, host: KnownHost, sources: tuple[str, ...]) -> Peer:
        record = self._members[host]
        return Peer(host.host, host.port, sources, None, record.member, record.data)

    def _has_answered(self, network: ActiveNetwork) -> bool:
        return any(name == network.name for name, _ in self._claimed)

    def _fail(self, network: ActiveNetwork, error: BitBootError) -> None:
        # What is wrong with our own keys is no fault of the network's.
        own = [one.failure for one in self._memberships.values() if one.failure is not None]
        if error.__cause__ in own:
            self._failures.setdefault(network.name, own[0])
        else:
            super()._fail(network, error)

    async def _stream(self, network: ActiveNetwork, key: bytes) -> AsyncIterator[KnownHost]:
        await network.in_touch()
        membership = self._memberships[key]
        prover = await membership.prover(network)
        arrived: asyncio.Queue[tuple[KnownHost, MemberRecord] | None] = asyncio.Queue()
        told: set[Session | None] = set()

        def found(peers: Sequence[tuple[KnownHost, Session | None]]) -> None:
            for host, session in peers:
                if session is None or session not in told:
                    arrived.put_nowait((host, membership.own_record() if session is None else session.record))
            told.update(session for _, session in peers)

        for session in prover.sessions():
            found(prover.peers_in(session))
        asking = _Asking(self, network, membership=membership, prover=prover, found=found)
        work = network.tasks.start(asking.ask_all())
        work.add_done_callback(lambda _: arrived.put_nowait(None))
        try:
            while True:
                item = await arrived.get()
                if item is None:
                    break
                host, record = item
                if host.port and not host.is_any:
                    self._members[host] = record
                    yield host
            if asking.error is not None:
                raise asking.error
        finally:
            await cancel([work], self._clock)


class _Asking:
    """Reads one private swarm on one network, and asks everybody who is claimed to be a member."""

    def __init__(
        self,
        lookup: PrivateLookup,
        network: ActiveNetwork,
        *,
        membership: Membership,
        prover: Prover,
        found: Callable[[Sequence[tuple[KnownHost, Session | None]]], None],
    ) -> None:
        self._lookup, self._network, self._membership = lookup, network, membership
        self._prover, self._found = prover, found
        self._told: dict[KnownHost, int] = {}
        """Who is said to be there, and the newest epoch of which that is said."""
        self._unsettled = 0
        self._all_settled = Signal()
        self._has_ended = False
        self.error: Exception | None = None

    async def ask_all(self) -> None:
        """Read the keys of now, and wait until all have been asked. `error`: why not all was read."""
        own = await self._membership.ready()
        # The newest first: whoever is found under two keys is asked under that one.
        keys = sorted(own.epochs.read(self._membership.time), key=lambda one: one.epoch, reverse=True)
        try:
            async with asyncio.TaskGroup() as group:
                for each in keys:
                    group.create_task(self._read(each))
            if self._unsettled:
                await self._all_settled.wait()
        finally:
            self._has_ended = True

    async def _read(self, keys: EpochKeys) -> None:
        try:
            told = await self._read_key(keys.key, keys)
            if self._network.crowd is not None and told >= self._network.crowd:
                self._lookup.crowded = True
                for shard in all_shards(keys.key):
                    await self._read_key(shard, keys)
        except Exception as error:  # noqa: BLE001 - the backend's own, whatever it is; the Lookup tells of it
            self.error = error

    async def _read_key(self, key: bytes, keys: EpochKeys) -> int:
        told = set()
        stream = self._network.lookup(key)
        try:
            async for host in stream:
                # What a backend yields is as untrusted as the strangers who told it.
                if not isinstance(host, KnownHost) or not host.port or host.is_any:
                    continue
                told.add(host)
                known = self._told.get(host)
                if known is None and len(self._told) >= MAX_CLAIMS:
                    continue
                if known is None or known < keys.epoch:
                    self._told[host] = keys.epoch
                    self._lookup._claimed.add((self._network.name, host))
                    claim = self._prover.claim(host, keys)
                    if self._prover.is_current(claim):
                        self._tell(claim)
                    else:
                        self._unsettled += 1
                        self._prover.prove(claim, self._settled)
        finally:
            await close_stream(stream)
        return len(told)

    def _settled(self, claim: Claim) -> None:
        self._unsettled -= 1
        if not self._has_ended and self._prover.has_proved(claim):
            self._tell(claim)
        if not self._unsettled:
            self._all_settled.notify()

    def _tell(self, claim: Claim) -> None:
        self._lookup._proved.add((self._network.name, claim.endpoint))
        self._found(self._prover.peers_of(claim))
