"""Whom this node has been in touch with, in one IP family, and who began.

Two questions need it. Does somebody call out of the blue, so that strangers get through to us? And does an
answer show that others, too, can reach who gave it, or did a NAT let our query in because the node behind it
had just called us?
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum, auto
from functools import lru_cache

from ..settings import Settings
from ..wire import compact
from ..wire.compact import Address

HOUR = 3600.0
"""Seconds after which somebody is a stranger again. Much longer than `Settings.nat_memory`: some NATs let in
whom they know for as long as anything at all goes out by the same port."""


class _Is(Enum):
    ASKED = auto()
    """We have written to it; nothing has come back."""

    CALLER = auto()
    """It has called us, and has not answered since to a query that came out of the blue."""

    REACHABLE = auto()
    """It has answered to one."""


class Acquaintances:
    """The latest of them, by IP address."""

    def __init__(self, settings: Settings, now: float) -> None:
        self._memory = settings.nat_memory
        self._most = settings.max_known
        # In touch when; what it is. Of a plain dict with so many it takes 20 us to find the first.
        self._known: OrderedDict[bytes, tuple[float, _Is]] = OrderedDict()
        self._look_at = now + HOUR  # until then nobody has become a stranger
        self.unsure_until: float = now + settings.nat_memory
        """Until then nobody can be told to be a stranger."""

    def wrote(self, address: Address, now: float) -> None:
        """A datagram goes out to `address`."""
        who = _who(address)
        last, was = self._known.get(who, (None, _Is.ASKED))
        if last != now:  # else it answers what has just come in, which has been noted
            self._keep(who, now, was)

    def called(self, address: Address, now: float) -> bool:
        """A query has come in from `address`. Whether that is a stranger's: we were not in touch before."""
        who = _who(address)
        last, was = self._known.get(who, (now - HOUR, _Is.CALLER))
        # What comes in makes a NAT remember, too.
        self._keep(who, now, was if was is _Is.REACHABLE else _Is.CALLER)
        return last <= now - HOUR

    def is_surprised(self, address: Address, now: float) -> bool:
        """Whether a query to `address` now comes out of the blue: an answer shows it to be reachable."""
        if not compact.is_public(address):
            return True  # there is no NAT in between
        last, was = self._known.get(_who(address), (now, _Is.ASKED))
        return was is not _Is.CALLER or now >= last + self._memory

    def has_called_since(self, address: Address, asked: float) -> bool:
        """Whether a query of then was no surprise after all: a call from there, on its way at the time, may
        have opened a NAT for it."""
        last, was = self._known.get(_who(address), (asked, _Is.ASKED))
        return was is _Is.CALLER and last > asked and compact.is_public(address)

    def is_reachable(self, address: Address, now: float) -> None:
        """It has answered to a query that came out of the blue."""
        self._keep(_who(address), now, _Is.REACHABLE)

    def _keep(self, who: bytes, now: float, what: _Is) -> None:
        self._known[who] = now, what
        self._known.move_to_end(who)
        if now < self._look_at and len(self._known) <= self._most:
            return
        oldest = next(iter(self._known))
        last, _ = self._known[oldest]
        if last <= now - HOUR:
            del self._known[oldest]
        elif len(self._known) > self._most:
            # Whoever calls might be the one that is forgotten now.
            del self._known[oldest]
            self.unsure_until = last + HOUR
        else:
            self._look_at = last + HOUR


@lru_cache(maxsize=4096)
def _who(address: Address) -> bytes:
    """Whom a NAT takes for one at its most generous: an IP address. Programs of one machine and LAN, which
    meet without a NAT, are told apart by their ports."""
    return address[:-2] if compact.is_public(address) else address
