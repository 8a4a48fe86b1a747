"""Whom this node has been in touch with, in one IP family, and who began.

Two questions need it. Does somebody call out of the blue, so that strangers get through to us? And does an
answer show that others, too, can reach who gave it, or did a NAT let our query in because the node behind it
had just called us?
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from ..settings import Settings
from ..wire import compact
from ..wire.compact import Address

HOUR: Final = 3600.0
"""Seconds after which somebody is a stranger again. Much longer than `Settings.nat_memory`: some NATs let in
whom they know for as long as anything at all goes out by the same port."""


class _Is(Enum):
    ASKED = auto()
    """We have written to it; nothing has come back."""

    CALLER = auto()
    """It has called us, and has not answered since to a query that came out of the blue."""

    REACHABLE = auto()
    """It has answered to one."""


# Bound once: compiled code looks the names of an enumeration up each time.
ASKED: Final = _Is.ASKED
CALLER: Final = _Is.CALLER
REACHABLE: Final = _Is.REACHABLE


class _Known:
    """One of them. An object, which is changed each time, takes less memory and time than a new tuple."""

    __slots__ = ("last", "what")

    def __init__(self, last: float, what: _Is) -> None:
        self.last: float = last
        self.what: _Is = what


class Acquaintances:
    """The latest of them, by IP address.

    They are kept in two halves, the older of which is forgotten as a whole: when an hour has passed, or when
    the younger is full. So nobody's place in a line has to be kept, and nobody is looked for to be forgotten.
    """

    def __init__(self, settings: Settings, now: float) -> None:
        self._memory = settings.nat_memory
        self._half = max(1, settings.max_known // 2)
        # Each is in one of the two.
        self._younger: dict[bytes, _Known] = {}
        self._older: dict[bytes, _Known] = {}
        self._caller: Address = b""  # who called last, and when: it is being answered
        self._called_at: float = now
        self._latest = now  # when somebody of the younger half was last in touch,
        self._latest_of_older = now  # and of the older, when that was the younger
        self._turn_at = now + HOUR
        self.unsure_until: float = now + settings.nat_memory
        """Until then nobody can be told to be a stranger."""

    def wrote(self, address: Address, now: float) -> None:
        """A datagram goes out to `address`."""
        if now == self._called_at and address == self._caller:
            return  # it answers what has just come in, which has been noted
        who = _who(address)
        known = self._get(who, now)
        self._keep(who, now, ASKED if known is None else known.what)

    def called(self, address: Address, now: float) -> bool:
        """A query has come in from `address`. Whether that is a stranger's: we were not in touch before."""
        who = _who(address)
        known = self._get(who, now)
        self._caller, self._called_at = address, now
        # What comes in makes a NAT remember, too.
        self._keep(who, now, CALLER if known is None or known.what is ASKED else known.what)
        return known is None

    def is_surprised(self, address: Address, now: float) -> bool:
        """Whether a query to `address` now comes out of the blue: an answer shows it to be reachable."""
        if not compact.is_public(address):
            return True  # there is no NAT in between
        known = self._get(_who(address), now)
        return known is None or known.what is not CALLER or now >= known.last + self._memory

    def has_called_since(self, address: Address, asked: float) -> bool:
        """Whether a query of then was no surprise after all: a call from there, on its way at the time, may
        have opened a NAT for it."""
        if not compact.is_public(address):
            return False
        known = self._get(_who(address), asked)
        return known is not None and known.what is CALLER and known.last > asked

    def is_reachable(self, address: Address, now: float) -> None:
        """It has answered to a query that came out of the blue."""
        self._keep(_who(address), now, REACHABLE)

    def _get(self, who: bytes, now: float) -> _Known | None:
        """What is known of one who is no stranger."""
        known = self._younger.get(who)
        if known is None and self._older:
            known = self._older.get(who)
        return known if known is not None and known.last > now - HOUR else None

    def _keep(self, who: bytes, now: float, what: _Is) -> None:
        if now >= self._turn_at:
            self._forget(now)
        known = self._younger.get(who)
        if known is not None:
            known.last, known.what = now, what
        else:
            if len(self._younger) >= self._half:
                self._forget(now)
            if self._older:
                self._older.pop(who, None)
            self._younger[who] = _Known(now, what)
        self._latest = now

    def _forget(self, now: float) -> None:
        if self._older and self._latest_of_older > now - HOUR:
            # Whoever calls might be one of those who are forgotten now.
            self.unsure_until = self._latest_of_older + HOUR
        self._older, self._younger = self._younger, {}
        self._latest_of_older = self._latest
        self._turn_at = now + HOUR


def _who(address: Address) -> bytes:
    """Whom a NAT takes for one at its most generous: an IP address. Programs of one machine and LAN, which
    meet without a NAT, are told apart by their ports."""
    return address[:-2] if compact.is_public(address) else address
