"""Proving on one network: claims are asked, requests are answered, sessions are kept up."""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine
from typing import Any

from ..._networks.network import ActiveNetwork
from ...aio.clock import Clock, sleep_until
from ...aio.logs import logger
from ...aio.tasks import Tasks
from ...backend import Scope
from ...errors import BitBootError
from ...model import KnownHost
from .claims import Claim, Claims
from .epochs import EpochKeys
from .initiator import ANSWER_WITHIN, Initiator
from .line import Line, Settled
from .noise import NoiseError
from .own import Own
from .part import Part
from .record import BadRecord
from .responder import Responder
from .roster import Roster
from .session import Kind, Session
from .standing import LOOK_EVERY, Standing

RENEW_AFTER = 300.0
"""Seconds for which a session does, whatever its epoch: at the edges of epochs members are found under two
keys at a time, and a pair that has just met would prove itself twice. It counts for longer (`EDGE`)."""

OWN_EVERY = 1.0
"""Seconds for which our own endpoints are taken to hold."""

SEND_EVERY = 1.0
"""Seconds after which a message that was not acknowledged is sent again."""

ROUND = 10.0
"""Members behind NATs call each other at unix times that are multiples of this."""

CALLS = 3
"""So often in one round, a second apart."""

log = logger(__name__)


class Prover:
    """One membership on one network."""

    def __init__(self, part: Part, network: ActiveNetwork, own: Own, roster: Roster, *, clock: Clock) -> None:
        self.network = network
        self._part, self._own, self._roster = part, own, roster
        self._clock = clock
        self._tasks = Tasks(clock)
        self._claims = Claims()
        self._sessions = Standing(roster)
        self._own_endpoints: set[KnownHost | None] = set()
        self._looked = -math.inf
        self._unsubscribe: Callable[[], None] | None = None
        self._responder = Responder(
            own.epochs,
            roster,
            own.static,
            record=part.record,
            admits=part.admits,
            expects=self._claims.is_expected,
            proved=self._stands,
            deliver=part.deliver,
        )
        self._initiator = Initiator(
            part, network, own, self._responder, clock=clock, has_proved=self.is_current
        )
        self._line = Line(
            self._tasks,
            needs=lambda claim: not self.is_current(claim),
            turn=self._initiator.turn,
            end_turn=self._initiator.end_turn,
            ask=self._ask_first,
        )

    def open(self) -> None:
        """Begin to answer, and to keep sessions up."""
        self._unsubscribe = self.network.requests.answer(self._answer)
        self._tasks.start(self._line.ask_all())
        self._tasks.start(self._keep_up())
        self._tasks.start(self._call_in_rounds())

    async def aclose(self) -> None:
        """Answer no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        self._line.close()
        await self._tasks.cancel()
        for session in self._sessions:
            self._sessions.discard(session)

    # Claims

    def claim(self, endpoint: KnownHost, keys: EpochKeys) -> Claim:
        """Somebody is said to be there, under these keys."""
        claim = self._claims.add(endpoint, keys)
        if self._is_ours(endpoint):
            claim.is_own = True
        return claim

    def prove(self, claim: Claim, settled: Settled) -> None:
        """Ask whoever is claimed to be a member to prove it, unless it has; then call `settled`."""
        self._line.add(claim, settled)

    def has_proved(self, claim: Claim) -> bool:
        """Whether whoever is there has proved to be a member, and that still counts."""
        return claim.is_own or self.session_of(claim) is not None

    def is_current(self, claim: Claim) -> bool:
        """Whether it need not be asked: what was proved in the last epoch is proved again before it ends."""
        if claim.is_own:
            return True
        session = self.session_of(claim)
        if session is None:
            return False
        return session.epoch >= claim.keys.epoch or self._clock.now() < session.began + RENEW_AFTER

    def session_of(self, claim: Claim) -> Session | None:
        """The session with whoever is there, where there is one that counts."""
        session = claim.session
        if session is None or session not in self._sessions:
            return None
        return session if self._own.epochs.counts(session.epoch, self._part.time) else None

    def peers_of(self, session: Session) -> list[KnownHost]:
        """Where the programs of a member are."""
        return session.programs_seen_from(self._seen(session.endpoint))

    def own_peers(self, claim: Claim) -> list[KnownHost]:
        """Where our own programs are, whose node is claimed to be there."""
        return self._part.own_record().seen_from(self._seen(claim.endpoint))

    def sessions(self) -> list[Session]:
        """The sessions that stand with members who have shown themselves recently."""
        return self._sessions.recent(self._clock.now())

    def introduce_again(self) -> None:
        """What we say of ourselves has changed: say it to all who know us."""
        for endpoint in {session.endpoint for session in self._sessions}:
            self._introduce(endpoint)

    def _introduce(self, endpoint: KnownHost) -> None:
        keys = self._own.epochs.keys(self._own.epochs.at(self._part.time))
        self._tasks.start(self._ask(Claim(endpoint, keys), again=True))

    def knows(self, session: Session) -> bool:
        """Whether it was made here."""
        return session in self._sessions

    def _seen(self, endpoint: KnownHost) -> KnownHost:
        """Where a program without a host of its own is, whose node is at `endpoint`."""
        if self.network.scope is Scope.PROCESS:  # whose nodes are at no real address
            return KnownHost("127.0.0.1", endpoint.port)
        return endpoint

    def _is_ours(self, endpoint: KnownHost) -> bool:
        now = self._clock.now()
        if now >= self._looked + OWN_EVERY:
            outside = {place.outside for place in self.network.places.values()}
            self._own_endpoints, self._looked = {self.network.address, *outside}, now
        return endpoint in self._own_endpoints

    async def _ask(self, claim: Claim, *, again: bool = False) -> None:
        """One handshake with whoever is claimed to be there, when it is its turn."""
        await self._note(claim, self._initiator.ask(claim, ANSWER_WITHIN, again=again))

    async def _ask_first(self, claim: Claim, within: float) -> None:
        """The same for one who was in line."""
        await self._note(claim, self._initiator.handshake(claim, within))

    async def _note(self, claim: Claim, asking: Coroutine[Any, Any, Session | None]) -> None:
        try:
            session = await asking
        except (BitBootError, NoiseError, BadRecord) as error:
            claim.silent += 1
            log.debug("%s proves nothing: %s", claim.endpoint, error)
        else:
            if session is not None:
                self._roster.add(session)
                self._stands(session)

    def _stands(self, session: Session) -> None:
        """A session stands, whoever began it."""
        self._sessions.add(session)
        self._claims.proved(session)
        self._part.proved(self.network, session)
        if session.told != self._part.record():  # which has changed meanwhile
            self._introduce(session.endpoint)

    # Requests of others

    def _answer(self, source: KnownHost, request: bytes) -> bytes | None:
        return self._responder.answer(source, request, self._clock.now(), self._part.time)

    # Sessions

    async def send(self, session: Session, data: bytes, timeout: float) -> bool:
        """Send a message until it is acknowledged. Whether it was."""
        until = self._clock.now() + timeout
        request, counter = session.request(Kind.MESSAGE, data)
        while True:
            left = until - self._clock.now()
            if left <= 0:
                return False
            if await self._acknowledged(session, request, counter, min(left, SEND_EVERY)):
                return True
            # What was refused at once would be refused again at once.
            await sleep_until(self._clock, min(until, self._clock.now() + SEND_EVERY / 4))

    async def _acknowledged(self, session: Session, request: bytes, counter: int, timeout: float) -> bool:
        try:
            answer = await self._initiator.request(session.endpoint, request, timeout)
            session.check_answer(answer, counter, self._clock.now())
        except (BitBootError, NoiseError):
            return False
        return True

    async def _keep_up(self) -> None:
        """Say hello to members who were not heard for a while; end the sessions of those who stay silent."""
        while True:
            await sleep_until(self._clock, self._clock.now() + LOOK_EVERY)
            self._roster.expire(self._part.time)
            for session in self._sessions.due(self._clock.now()):
                self._tasks.start(self._hello(session))

    async def _hello(self, session: Session) -> None:
        request, counter = session.request(Kind.HELLO)
        if await self._acknowledged(session, request, counter, ANSWER_WITHIN):
            self._sessions.answered(session)
        else:
            self._sessions.missed(session)

    async def _call_in_rounds(self) -> None:
        """While the swarm is watched, call claims that proved nothing, when their members call us."""
        while True:
            time = self._part.time
            number = int(time // ROUND) + 1
            await sleep_until(self._clock, self._clock.now() + number * ROUND - time)
            if not self._part.watchers or self._initiator.is_behind:
                continue
            self._claims.forget_old(self._own.epochs, self._part.time)
            silent = [one for one in self._claims if one.silent and not self.has_proved(one)]
            due = self._claims.due(number, silent)
            for call in range(CALLS):
                for claim in due:
                    self._tasks.start(self._call(claim, self._clock.now() + call))

    async def _call(self, claim: Claim, due: float) -> None:
        await sleep_until(self._clock, due)
        if not self.has_proved(claim):
            await self._ask(claim)
