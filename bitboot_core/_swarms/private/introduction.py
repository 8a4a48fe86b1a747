"""The side that begins: it proves itself to a claimed member, and has that prove itself."""

from __future__ import annotations

from collections.abc import Callable

from ...model import KnownHost
from .epochs import EpochKeys
from .noise import KEY, TAG, NoiseError
from .prepared import Prepared
from .record import MemberRecord, read_record
from .session import Session

MAX_REQUEST = 1000
"""Bytes of any request or answer."""

_ZEROS = bytes(MAX_REQUEST - KEY - TAG)


class Ourselves(Exception):
    """Whoever answers has our own key: we asked ourselves."""


class Introduction:
    """One handshake that we begin, under these keys. `first`: the message to send. `began`: when."""

    def __init__(self, keys: EpochKeys, prepared: Prepared, *, began: float = 0.0) -> None:
        self.keys, self.began = keys, began
        self._handshake = prepared.begin(keys)
        self.first = self._handshake.write(_ZEROS)
        self._record: MemberRecord | None = None
        self._told = b""

    def third(self, answer: bytes, record: bytes, admits: Callable[[bytes], bool]) -> bytes:
        """The message to send upon the answer to the first. `record`: ours.

        Raises NoiseError where whoever answered does not know the secret or is not admitted, BadRecord where
        what it says of itself does not hold, Ourselves.
        """
        theirs = self._handshake.read(answer)
        assert self._handshake.their_static is not None
        if self._handshake.their_static == self._handshake.own_static:
            raise Ourselves
        self._record = read_record(theirs, self._handshake.their_static)
        if not admits(self._record.member):
            raise NoiseError("this member is not admitted")
        self._told = record
        return self._handshake.write(record)

    def session(self, answer: bytes, endpoint: KnownHost, now: float) -> Session:
        """The session that stands upon the answer to the third message. Raises NoiseError."""
        assert self._record is not None
        session = Session(self._handshake, self._record, self.keys.epoch, endpoint, now)
        session.check_confirmation(answer)
        session.told = self._told
        return session
