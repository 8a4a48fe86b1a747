"""The side that asks: it begins handshakes with claimed members, one with each at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ..._networks.network import ActiveNetwork
from ...aio.clock import Clock, TimeUp, deadline
from ...errors import BackendTimeout, BitBootError
from ...model import KnownHost
from .claims import Claim
from .introduction import Introduction, Ourselves
from .own import Own
from .pace import Pace
from .part import Part
from .prepared import Prepared
from .responder import Responder
from .session import Session

ANSWER_WITHIN = 2.0
"""Seconds that a member has to answer anything but the first message of a lookup."""

AT_ONCE = 900
"""Claims that are asked at a time: with a thousand that are junk, members are asked within a second."""

SAME_FIRST = 20.0
"""Seconds for which a silent claim is sent the same first message again: to neither side is that new work."""


class Initiator:
    """Begins the handshakes of one membership on one network."""

    def __init__(
        self,
        part: Part,
        network: ActiveNetwork,
        own: Own,
        responder: Responder,
        *,
        clock: Clock,
        has_proved: Callable[[Claim], bool],
    ) -> None:
        """`has_proved`: whether a claim need not be asked any more."""
        self._part, self._network, self._responder = part, network, responder
        self._clock, self._has_proved = clock, has_proved
        self._prepared = Prepared(own.static, initiates=True)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._pace = Pace(clock)

    @property
    def is_behind(self) -> bool:
        """Whether there are claims that wait to be asked, since this program is busy."""
        return self._pace.is_behind

    async def ask(self, claim: Claim, within: float, *, again: bool = False) -> Session | None:
        """One handshake with whoever is claimed to be there, who has `within` seconds for the first answer.

        None where there is none to be made: we are there ourselves, or whoever is there has proved itself
        meanwhile. `again`: also where it has. Raises BitBootError, NoiseError, BadRecord.
        """
        await self.turn()
        try:
            if not again and self._has_proved(claim):
                return None
            return await self.handshake(claim, within, again=again)
        finally:
            self.end_turn()

    async def turn(self) -> None:
        """Wait until one more handshake may begin. `end_turn` has to be called when it has ended."""
        await self._turns.acquire()
        try:
            await self._pace.begin()
        except BaseException:
            self._turns.release()
            raise

    def end_turn(self) -> None:
        """A handshake has ended."""
        self._pace.end()
        self._turns.release()

    async def handshake(self, claim: Claim, within: float, *, again: bool = False) -> Session | None:
        """As `ask`, for whoever has taken a turn."""
        if not again and claim.begun is None and await self._is_begun_by_them(claim):
            return None
        begun = self._begun(claim)
        second = await self.request(claim.endpoint, begun.first, within)
        if claim.begun is not begun:  # somebody else has got the same answer, and goes on
            return None
        claim.begun = None
        if not again and await self._is_begun_by_them(claim, begun):
            return None
        try:
            third = begun.third(second, self._part.record(), self._part.admits)
        except Ourselves:
            claim.is_own = True
            return None
        try:
            last = await self.request(claim.endpoint, third, ANSWER_WITHIN)
        except BitBootError:  # it may have been lost: the same is answered again
            last = await self.request(claim.endpoint, third, ANSWER_WITHIN)
        return begun.session(last, claim.endpoint, self._clock.now())

    async def request(self, endpoint: KnownHost, payload: bytes, timeout: float) -> bytes:
        """Ask for an answer. Raises as `Backend.request`."""
        began = self._clock.now()
        allowed = timeout + self._pace.lag
        try:
            answer = await self._network.requests.ask(endpoint, payload, timeout=allowed)
        except BackendTimeout:
            # Where this program is too busy to read answers in time, asking again makes it worse.
            self._pace.was_late(self._clock.now() - began - allowed)
            raise
        self._pace.took(self._clock.now() - began)
        return answer

    def _begun(self, claim: Claim) -> Introduction:
        now = self._clock.now()
        begun = claim.begun
        if begun is None or begun.keys != claim.keys or now - begun.began > SAME_FIRST:
            begun = claim.begun = Introduction(claim.keys, self._prepared, began=now)
        return begun

    async def _is_begun_by_them(self, claim: Claim, begun: Introduction | None = None) -> bool:
        """Whether they have proved themselves in a handshake that they began themselves.

        `begun`: ours; where there is none yet, we wait for theirs. Where both have begun, the one whose
        first message is smaller goes on, and the other waits for that.
        """
        if self._has_proved(claim):
            return True
        theirs = self._responder.begun_by(claim.endpoint, self._clock.now())
        if theirs is None:
            return False
        if begun is not None and theirs.first >= begun.first:  # the same: we have asked ourselves
            return False
        if claim.proved is None:
            claim.proved = asyncio.Event()
        with suppress(TimeUp):
            async with deadline(self._clock, theirs.began + ANSWER_WITHIN + self._pace.lag):
                await claim.proved.wait()
        return self._has_proved(claim)
