"""Looking a private swarm up: its claims are asked, and those come out who have proved to be members."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from ..._networks.network import ActiveNetwork
from ...aio.clock import TimeUp, deadline
from ...aio.tasks import Signal, cancel
from ...errors import BitBootError
from ...model import KnownHost
from ..details import Details
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
    """A Lookup of one private swarm or several: its peers are proved members.

    `patience`: seconds after its reading for which it waits for those who are asked, as long as it takes
    unless given.
    """

    def __init__(
        self,
        context: Context,
        memberships: Sequence[Membership],
        *,
        limit: int | None = None,
        timeout: float,
        patience: float | None = None,
    ) -> None:
        super().__init__(context, [one.name for one in memberships], limit=limit, timeout=timeout)
        self._memberships = {one.name.encode(): one for one in memberships}
        self._patience = patience
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

    def details(self, host: KnownHost) -> Details:
        record = self._members[host]
        return None, record.member, record.data

    # Inside

    def _use(self, network: ActiveNetwork) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        self._asked[network.name] = network
        self._next_door.use(network)
        for name in self._memberships:  # in place of a key: which that is changes
            self._start(network, name, turns, None)

    async def _clean_up(self) -> None:
        await super()._clean_up()
        endings = [membership.let_go(self) for membership in self._memberships.values()]
        for ending in endings:
            if ending is not None:
                await asyncio.wait({ending})

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
        found = _Found(membership, prover)
        for session in prover.sessions():
            found.member(session)
        asking = _Asking(self, network, membership=membership, prover=prover, found=found)
        work = network.tasks.start(asking.ask_all())
        work.add_done_callback(lambda _: found.news.notify())
        try:
            while True:
                while found.peers:
                    host, record = found.peers.popleft()
                    if self._members.get(host, record) is not record:
                        self.changed.add(host)
                    self._members[host] = record
                    yield host
                if work.done():
                    break
                await found.news.wait()
            if asking.error is not None:
                raise asking.error
        finally:
            await cancel([work], self._clock)


class _Found:
    """Those who have proved to be members, each once. `peers`: where their programs are, to be read."""

    def __init__(self, membership: Membership, prover: Prover) -> None:
        self._membership, self._prover = membership, prover
        self.peers: deque[tuple[KnownHost, MemberRecord]] = deque()
        self.news: Signal = Signal()
        self._told: set[Session] = set()

    def member(self, session: Session) -> None:
        """A session stands with a member."""
        if session not in self._told:
            self._told.add(session)
            self._tell(self._prover.peers_of(session), session.record)

    def ourselves(self, claim: Claim) -> None:
        """The claim is our own."""
        self._tell(self._prover.own_peers(claim), self._membership.own_record())

    def _tell(self, hosts: Sequence[KnownHost], record: MemberRecord) -> None:
        self.peers.extend((host, record) for host in hosts if host.port and not host.is_any)
        self.news.notify()


class _Asking:
    """Reads one private swarm on one network, and asks everybody who is claimed to be a member."""

    def __init__(
        self,
        lookup: PrivateLookup,
        network: ActiveNetwork,
        *,
        membership: Membership,
        prover: Prover,
        found: _Found,
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
        """Read the keys of now, and wait for those who are asked. `error`: why not all was read."""
        own = await self._membership.ready()
        # The newest first: whoever is found under two keys is asked under that one.
        keys = sorted(own.epochs.read(self._membership.time), key=lambda one: one.epoch, reverse=True)
        try:
            async with asyncio.TaskGroup() as group:
                for each in keys:
                    group.create_task(self._read(each))
            if self._unsettled:
                await self._until_settled()
        finally:
            self._has_ended = True

    def _waits_for(self, claim: Claim) -> bool:
        """Whether to have it asked. Who has little patience leaves that to those who wait for it already.

        Else scan after scan would begin its tries anew, and add itself to those who are told.
        """
        return self._lookup._patience is None or not claim.settled

    async def _until_settled(self) -> None:
        clock, patience = self._lookup._clock, self._lookup._patience
        with suppress(TimeUp):
            async with deadline(clock, None if patience is None else clock.now() + patience):
                await self._all_settled.wait()

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
                    elif self._waits_for(claim):
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
        session = self._prover.session_of(claim)
        if session is not None:
            self._found.member(session)
        elif claim.is_own:
            self._found.ourselves(claim)
