"""What two members share once both are proved: keys of their own, for short messages that come at most once.

The transport keys of Noise with counters in the clear, since datagrams come in any order or not at all:

    request = session's id (8 bytes) ‖ counter (8, big endian) ‖ sealed(kind ‖ body), with the first 16 as AD
    answer  = counter (8) ‖ sealed(nothing), with the id and the request's counter as AD

The id is the beginning of the handshake's hash. The same request gets an answer again, and is delivered once.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ...model import KnownHost, address_scope
from .noise import CipherState, Handshake, NoiseError
from .record import MemberRecord

ID = 8
_COUNTER = 8
_HEAD = ID + _COUNTER

MAX_MESSAGE = 900
"""Bytes of a message."""

WINDOW = 1024
"""Counters below the highest that may still come; older ones count as seen."""


class Kind(enum.IntEnum):
    """What a request is for."""

    HELLO = 0
    """To show that one is there, and keep a NAT's mapping open."""

    MESSAGE = 1
    """The program's."""


class Window:
    """Which counters were seen, of the last WINDOW."""

    def __init__(self) -> None:
        self._highest = -1
        self._seen = 0

    def has(self, counter: int) -> bool:
        """Whether it was seen, or is so old that it counts as seen."""
        behind = self._highest - counter
        return behind >= WINDOW or (behind >= 0 and bool(self._seen >> behind & 1))

    def add(self, counter: int) -> bool:
        """Note one that was not seen. Whether it is the highest."""
        ahead = counter - self._highest
        if ahead > 0:
            self._seen = (self._seen << min(ahead, WINDOW) | 1) & ((1 << WINDOW) - 1)
            self._highest = counter
            return True
        self._seen |= 1 << -ahead
        return False


@dataclass(frozen=True, slots=True)
class Received:
    """A request that opened. `is_new`: it has not been accepted before."""

    counter: int
    kind: int
    body: bytes
    is_new: bool


class Session:
    """One side of a session.

    `endpoint`: where the other side's node is. `began`: when it was made. `heard`: when the other side last
    showed itself. `record`: what it says. `is_begun_here`: we began the handshake.
    """

    def __init__(
        self, handshake: Handshake, record: MemberRecord, epoch: int, endpoint: KnownHost, now: float
    ) -> None:
        self.id: bytes = handshake.hash[:ID]
        self.record: MemberRecord = record
        self.epoch: int = epoch
        self.endpoint: KnownHost = endpoint
        self._of_this_machine: tuple[str, bool] | None = None
        self._programs: tuple[KnownHost, list[KnownHost]] | None = None
        self.began: float = now
        self.heard: float = now
        self.told: bytes = b""
        """What the other side was told of us."""
        self.is_begun_here: bool = handshake.initiates
        self._send, self._receive = handshake.split()
        self._window = Window()

    @property
    def member(self) -> bytes:
        """Who it is: the public key of an identity."""
        return self.record.member

    def programs_seen_from(self, source: KnownHost) -> list[KnownHost]:
        """`MemberRecord.seen_from`, remembered: each scan asks for it."""
        known = self._programs
        if known is None or known[0] != source:
            known = self._programs = source, self.record.seen_from(source)
        return known[1]

    @property
    def is_of_this_machine(self) -> bool:
        """Whether the other side's node is on a loopback address: remembered, as it is asked often."""
        known = self._of_this_machine
        host = self.endpoint.host
        if known is None or known[0] != host:
            is_so = self.endpoint.family is not None and address_scope(host) == "machine"
            known = self._of_this_machine = host, is_so
        return known[1]

    # The last answer of the handshake

    def confirm(self) -> bytes:
        """The responder's: nothing, sealed."""
        return self._send.encrypt(b"", b"")

    def check_confirmation(self, answer: bytes) -> None:
        """The initiator's look at it. Raises NoiseError."""
        if self._receive.decrypt(b"", answer):
            raise NoiseError("the session is not confirmed")
        self._window.add(0)

    # Requests

    def request(self, kind: Kind, body: bytes = b"") -> tuple[bytes, int]:
        """A request, and its counter, which the answer is checked with."""
        counter = self._next(self._send)
        head = self.id + counter.to_bytes(_COUNTER, "big")
        return head + self._send.encrypt_at(counter, head, bytes([kind]) + body), counter

    def receive(self, request: bytes) -> Received:
        """What a request says. Raises NoiseError for one that is not the other side's."""
        head = request[:_HEAD]
        if len(head) < _HEAD:
            raise NoiseError("it is too short")
        counter = int.from_bytes(head[ID:], "big")
        plain = self._receive.decrypt_at(counter, head, request[_HEAD:])
        if not plain:
            raise NoiseError("it is empty")
        return Received(counter, plain[0], plain[1:], not self._window.has(counter))

    def accept(self, received: Received, source: KnownHost, now: float) -> bytes:
        """Take note of a request, so that it is never new again. The answer."""
        if received.is_new and self._window.add(received.counter):
            self.endpoint, self.heard = source, now  # a NAT may have moved it
        return self.acknowledge(received)

    def acknowledge(self, received: Received) -> bytes:
        """The answer to a request that was accepted."""
        counter = self._next(self._send)
        ad = self.id + received.counter.to_bytes(_COUNTER, "big")
        return counter.to_bytes(_COUNTER, "big") + self._send.encrypt_at(counter, ad, b"")

    def check_answer(self, answer: bytes, counter: int, now: float) -> None:
        """Whether a request was accepted. Raises NoiseError where that is not what was answered."""
        if len(answer) < _COUNTER:
            raise NoiseError("it is too short")
        theirs = int.from_bytes(answer[:_COUNTER], "big")
        self._receive.decrypt_at(theirs, self.id + counter.to_bytes(_COUNTER, "big"), answer[_COUNTER:])
        self.heard = max(self.heard, now)

    @staticmethod
    def _next(cipher: CipherState) -> int:
        cipher.counter += 1
        return cipher.counter - 1
