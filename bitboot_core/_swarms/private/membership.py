"""This program's part in one private swarm: who it is there, and whom it has proved to be members.

Announcements, lookups and watches of the same swarm share it. It begins with the first of them and
ends with the last.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from ..._networks.network import ActiveNetwork
from ...aio.clock import unix_time
from ...aio.tasks import Signal
from ...aio.threads import in_thread
from ...errors import BackendTimeout, BitBootError, InvalidConfig, NotRunning, UnsupportedOperation
from ...model import KnownHost
from ..use import Context, NetworkUser
from .introduction import MAX_REQUEST
from .message import Message
from .own import Own, own_keys
from .prover import Prover
from .record import MemberRecord, read_record, write_record
from .roster import Roster
from .secret import SwarmSecret
from .session import MAX_MESSAGE, Session

MAX_MESSAGES = 256
"""Messages that may wait for the reader. More are not acknowledged, so that their senders know."""

Admits = Callable[[bytes], bool]


class Membership(NetworkUser):
    """One private swarm, as this program is in it."""

    what = "membership"
    made_by = "join"

    def __init__(self, context: Context, name: str, secret: SwarmSecret, own: Own | None = None) -> None:
        """`own`: what it is made of, where that is known."""
        super().__init__(context)
        self.name: str = name
        self.secret: SwarmSecret = secret
        self.admit: Admits | None = None
        self._holders: set[object] = set()
        self._announced: dict[object, tuple[KnownHost, bytes]] = {}
        self.own: Own | None = own
        self.failure: BitBootError | None = None
        """Why it cannot take part: of its own keys, whatever the network."""
        self._getting: asyncio.Task[None] | None = None
        self._record: bytes | None = None
        self._own_record: tuple[bytes, MemberRecord] | None = None
        self._roster: Roster | None = None
        self._provers: dict[str, Prover] = {}
        self._listeners: list[Callable[[ActiveNetwork, Session], None]] = []
        self._inbox: deque[Message] = deque()
        self._arrived = Signal()

    # Who holds it

    def hold(self, holder: object, announced: tuple[KnownHost, bytes] | None = None) -> None:
        """Take part for as long as the holder does. `announced`: where its program is, and what that says."""
        if not self._holders:
            self.open()
        self._holders.add(holder)
        if announced is not None:
            self.announce(holder, *announced)

    def announce(self, holder: object, endpoint: KnownHost, data: bytes) -> None:
        """What the members are told of the holder's program, from now on."""
        if self._announced.get(holder) == (endpoint, data):
            return
        self._announced[holder] = endpoint, data
        self._record = None
        for prover in self._provers.values():
            prover.introduce_again()

    def let_go(self, holder: object) -> asyncio.Task[None] | None:
        """The holder ends. The task that ends all, where it was the last."""
        self._holders.discard(holder)
        if self._announced.pop(holder, None) is not None:
            self._record = None
        return self.end() if not self._holders else None

    def is_announced_by_another(self, holder: object) -> bool:
        """Whether our node stays announced when the holder ends."""
        return any(other is not holder for other in self._announced)

    @property
    def has_ended(self) -> bool:
        """Whether it is of no use any more."""
        return self._state == "closed"

    # What it is made of

    async def ready(self) -> Own:
        """What it takes to take part, once it is known. Raises InvalidConfig, NotRunning."""
        if self.own is None and self.failure is None:
            if self._getting is None:
                self._getting = self._tasks.start(self._get_own())
            await asyncio.wait({self._getting})
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        if self.own is None:
            raise NotRunning("the membership has ended", hint="join the swarm again")
        return self.own

    async def prover(self, network: ActiveNetwork) -> Prover:
        """What proves members on a network.

        Raises as `ready`, UnsupportedOperation where that network carries no requests, and why it does not
        run where it does not.
        """
        own = await self.ready()
        prover = self._provers.get(network.name)
        if prover is None or prover.network is not network:
            capabilities = network.capabilities
            if capabilities is None:
                _ = network.backend  # which raises why not
            elif capabilities.max_request < MAX_REQUEST:
                raise UnsupportedOperation(
                    f"{network.name} carries no requests from node to node, which private swarms need",
                    hint="use another network for them, such as mainline",
                )
            self._check_open()
            if self._roster is None:
                self._roster = Roster(own.epochs)
            prover = Prover(self, network, own, self._roster, clock=self._clock)
            self._provers[network.name] = prover
            prover.open()
        return prover

    @property
    def time(self) -> float:
        """Seconds since 1970."""
        return unix_time(self._clock)

    def record(self) -> bytes:
        """What we say of ourselves."""
        assert self.own is not None
        if self._record is None:
            endpoints = [endpoint for endpoint, _ in self._announced.values()]
            data = next((data for _, data in self._announced.values() if data), b"")
            self._record = write_record(self.own.identity, self.own.public, endpoints, data)
        return self._record

    def own_record(self) -> MemberRecord:
        """The same, as others read it."""
        assert self.own is not None
        record = self.record()
        if self._own_record is None or self._own_record[0] is not record:
            self._own_record = record, read_record(record, self.own.public)
        return self._own_record[1]

    def admits(self, member: bytes) -> bool:
        """Whether the program wants to know a member."""
        return self.admit is None or bool(self.admit(member))

    # Who is proved

    def listen(self, listener: Callable[[ActiveNetwork, Session], None]) -> Callable[[], None]:
        """Have `listener` told of each member that is proved, until what is returned is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def proved(self, network: ActiveNetwork, session: Session) -> None:
        """A member has proved itself there."""
        for listener in tuple(self._listeners):
            listener(network, session)

    @property
    def watchers(self) -> int:
        """How many follow who is proved: the swarm is watched."""
        return len(self._listeners)

    # Messages

    def deliver(self, session: Session, data: bytes) -> bool:
        """A message has come. False where there is no room for it."""
        if len(self._inbox) >= MAX_MESSAGES:
            return False
        self._inbox.append(Message(session.member, data))
        self._arrived.notify()
        return True

    async def messages(self) -> AsyncIterator[Message]:
        """The messages, each once, until it ends."""
        while True:
            while self._inbox:
                yield self._inbox.popleft()
            if not self.is_open:
                return
            await self._arrived.wait()

    async def send(self, member: bytes, data: bytes, timeout: float) -> None:
        """Send a message, and return once it was acknowledged.

        Raises InvalidConfig for what is too long, NotRunning where the member is not known,
        BackendTimeout where it did not acknowledge in time.
        """
        if not isinstance(data, bytes) or len(data) > MAX_MESSAGE:
            raise InvalidConfig(
                f"a message is at most {MAX_MESSAGE} bytes", hint="send more over a connection of your own"
            )
        sessions = [] if self._roster is None else self._roster.of(member)
        if not sessions:
            raise NotRunning(
                "no member with that key is known", hint="wait until the swarm tells of it: PeerJoined"
            )
        session = sessions[-1]
        prover = self._prover_of(session)
        if prover is None or not await prover.send(session, data, timeout):
            raise BackendTimeout(
                f"the member at {session.endpoint} did not acknowledge the message within {timeout:g} s",
                hint="it may have left, or have too many messages waiting",
            )

    def _prover_of(self, session: Session) -> Prover | None:
        return next((one for one in self._provers.values() if one.knows(session)), None)

    # NetworkUser

    def _use(self, network: ActiveNetwork) -> None:
        """Whoever holds it asks for the prover of a network."""

    async def leave(self, network: str) -> None:
        prover = self._provers.pop(network, None)
        if prover is not None:
            await prover.aclose()

    def _stop(self) -> None:
        self._arrived.notify()

    async def _clean_up(self) -> None:
        await asyncio.gather(*(prover.aclose() for prover in self._provers.values()))
        self._provers.clear()
        await super()._clean_up()

    # Inside

    async def _get_own(self) -> None:
        config = self._context.config
        try:
            self.own = await in_thread(lambda: own_keys(self.name, self.secret, config), "bitboot-secret")
        except BitBootError as error:
            self.failure = error


class Memberships:
    """The private swarms that one BitBoot is in."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._open: dict[tuple[str, SwarmSecret], Membership] = {}

    def of(self, name: str, secret: SwarmSecret) -> Membership:
        """The membership of a swarm: the one that is open, else a new one."""
        known = self._open.get((name, secret))
        if known is None or known.has_ended:
            # What it took to stretch a passphrase is not done again.
            own = None if known is None else known.own
            known = self._open[name, secret] = Membership(self._context, name, secret, own)
        return known
