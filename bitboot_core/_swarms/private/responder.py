"""The side that answers: members get an answer, whoever does not know the secret gets none."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from ...aio.limits import AddressLimits, Allowance
from ...model import KnownHost
from .epochs import EpochKeys, Epochs
from .half_open import HalfOpen, Waiting, address_of
from .introduction import MAX_REQUEST
from .noise import KEY, TAG, Handshake, NoiseError
from .prepared import Prepared
from .record import BadRecord, read_record
from .roster import Roster
from .session import ID, Kind, Session

REFUSED_PER_SECOND = 1000.0
"""First messages that open under no key, of all sources, that are tried: the others are dropped unread.

As many of those sources where somebody is claimed to be.
"""

OPENED_PER_SECOND, OPENED_BURST = 500.0, 2000.0
"""First messages that open and are answered, of all sources."""

_PER_SOURCE, _PER_NETWORK, _BURST = 20.0, 100.0, 10.0
"""The same for one source, and one /24 or /48: so many a second, this many seconds' worth at once."""

_ALL, _EXPECTED = b"", b"expected"


class Responder:
    """One member's answers in one private swarm. It has no clock and no network of its own."""

    def __init__(
        self,
        epochs: Epochs,
        roster: Roster,
        static: X25519PrivateKey,
        *,
        record: Callable[[], bytes],
        admits: Callable[[bytes], bool],
        expects: Callable[[KnownHost], bool],
        proved: Callable[[Session], None],
        deliver: Callable[[Session, bytes], bool],
    ) -> None:
        """`record`: gives ours. `expects`: whether somebody is claimed to be there, who is heard first.

        `proved` is called with each session that stands, `deliver` with each message: where that returns
        False there is no room, and it is not acknowledged.
        """
        self._epochs, self._roster = epochs, roster
        self._record, self._admits, self._expects = record, admits, expects
        self._proved, self._deliver = proved, deliver
        self._half_open = HalfOpen()
        self._prepared = Prepared(static, initiates=False)
        self._refused = Allowance(REFUSED_PER_SECOND, REFUSED_PER_SECOND, max_keys=2)
        self._refused_of = AddressLimits(_PER_SOURCE, _PER_NETWORK, burst=_BURST)
        self._opened = Allowance(OPENED_PER_SECOND, OPENED_BURST, max_keys=1)
        self._opened_of = AddressLimits(_PER_SOURCE, _PER_NETWORK, burst=_BURST)

    @property
    def half_open(self) -> int:
        """How many handshakes wait for their third message."""
        return len(self._half_open)

    def begun_by(self, source: KnownHost, now: float) -> Waiting | None:
        """The newest handshake of this source that waits for its third message."""
        return next((one for one in self._half_open.of(source, now) if not one.third), None)

    def answer(self, source: KnownHost, request: bytes, now: float, time: float) -> bytes | None:
        """What to answer; None: what a node answers that is in no private swarm.

        `now`: steadily growing seconds; `time`: seconds since 1970.
        """
        if len(request) > MAX_REQUEST:
            return None
        session = self._roster.find(request[:ID])
        if session is not None:
            return self._message(session, source, request, now)
        if len(request) < KEY + TAG:
            return None
        for waiting in self._half_open.of(source, now):
            answer = self._third(waiting, request, now)
            if answer is not None:
                return answer
        return self._first(source, request, now, time)

    # What each may be

    def _message(self, session: Session, source: KnownHost, request: bytes, now: float) -> bytes | None:
        try:
            received = session.receive(request)
        except NoiseError:
            return None
        if not received.is_new:
            return session.acknowledge(received)
        if received.kind == Kind.MESSAGE and not self._deliver(session, received.body):
            return None
        return session.accept(received, source, now)

    def _third(self, waiting: Waiting, request: bytes, now: float) -> bytes | None:
        if waiting.handshake is None:  # our answer may have been lost
            return waiting.last if request == waiting.third else None
        handshake = waiting.handshake.copy()
        try:
            payload = handshake.read(request)
        except NoiseError:
            return None
        assert handshake.their_static is not None
        try:
            record = read_record(payload, handshake.their_static)
        except BadRecord:
            return None
        if not self._admits(record.member):
            return None
        session = Session(handshake, record, waiting.epoch, waiting.source, now)
        session.told = waiting.told
        waiting.third, waiting.last = request, session.confirm()
        waiting.handshake = None  # its keys are the session's now, and take room
        self._roster.add(session)
        self._proved(session)
        return waiting.last

    def _first(self, source: KnownHost, request: bytes, now: float, time: float) -> bytes | None:
        known = self._half_open.begun_with(request)
        if known is not None:
            return known.second if known.source == source and known.first == request else None
        found = self._opened_by(source, request, now, time)
        if found is None:
            return None
        keys, handshake = found
        try:
            told = self._record()
            second = handshake.write(told)
        except NoiseError:
            return None
        if len(second) > len(request):  # no answer amplifies
            return None
        self._half_open.add(Waiting(source, keys.epoch, handshake, request, second, now, told))
        return second

    def _opened_by(
        self, source: KnownHost, request: bytes, now: float, time: float
    ) -> tuple[EpochKeys, Handshake] | None:
        """The handshake that a first message begins; None where it opens under no key, or too many came."""
        is_expected = self._expects(source)
        whose = _EXPECTED if is_expected else _ALL
        if self._refused.level(whose, now) < 1:
            return None
        address = address_of(source)
        if not self._refused_of.allows(address, now):
            return None
        found = self._opened_under(request, time)
        if found is None:
            self._refused_of.spend(address, now)
            self._refused.spend(whose, now, 1)
        elif not self._opened_of.take(address, now) or not self._opened.take(_ALL, now):
            return None
        return found

    def _opened_under(self, request: bytes, time: float) -> tuple[EpochKeys, Handshake] | None:
        for keys in self._epochs.opening(time):
            handshake = self._prepared.begin(keys)
            try:
                handshake.read(request)
            except NoiseError:
                continue
            return keys, handshake
        return None
