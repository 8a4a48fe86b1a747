"""Whom to answer, and how much: senders are easily forged, and a reply is longer than a query."""

from __future__ import annotations

import enum
from typing import Final

from bitboot_core.aio.limits import BURST, MAX_KEYS, network_of, source_of

from ..settings import Settings
from ..wire.compact import Address, is_public, width
from .rates import Rate, Total

_HEADER_BYTES = {6: 28, 18: 48}
"""Of IP and UDP, by the length of an address: the line carries them too."""

_BURST = 1.25
"""This many seconds' worth of bytes may go to one network at once: who looks a crowd up asks 13 times. With
what the second that follows allows, and pings, that stays below 50 kB at 20 kB a second."""

_LOOPBACK: Final = 1
"""The `width` of addresses on this machine, whose programs share them."""

_EASY = 0.5
"""While more than this share of a second's replies is left, replies are as long as they may be."""


class Room(enum.Enum):
    """How long the reply to a query may be."""

    NONE = "none"
    SHORT = "short"
    FULL = "full"


# Bound once: compiled code looks the names of an enumeration up each time.
NONE: Final = Room.NONE
SHORT: Final = Room.SHORT
FULL: Final = Room.FULL


class ReplyLimits:
    """The rates of replies, by what is known of the receiver before anything is answered.

    One source (an IPv4 address, an IPv6 /64) gets so many replies a second, one network (/24, /48) so
    many bytes, all together so many replies: these become short when half of them are used up. Contacts
    have replies set apart for them, so that a flood of strangers does not cost us our place. Who counts as
    one, and whom no limit counts, is as in the core's `AddressLimits`.
    """

    def __init__(self, settings: Settings) -> None:
        total, contacts = settings.replies_per_second, settings.contact_replies_per_second
        self._total = None if total is None else Total(total, total)
        self._easy = _EASY * (total or 0.0)
        self._contacts = None if contacts is None else Total(contacts, contacts)
        per_source = settings.replies_per_second_per_ip
        per_network = settings.reply_bytes_per_second_per_subnet
        self._sources = None if per_source is None else Rate(per_source, BURST * per_source, MAX_KEYS)
        self._bytes = None if per_network is None else Rate(per_network, _BURST * per_network, MAX_KEYS)

    def room(self, address: Address, now: float, *, is_contact: bool = False) -> Room:
        """How long a reply to this address may be; counts it. What it came to is told by `sent`."""
        ip = address[:-2]
        if self._bytes is not None and is_public(address) and self._bytes.level(network_of(ip), now) < 1.0:
            return NONE
        sources = self._sources
        if sources is not None and width(address) != _LOOPBACK and not sources.take(source_of(ip), now):
            return NONE
        if self._total is None or (is_contact and (self._contacts is None or self._contacts.take(now))):
            return FULL
        left = self._total.level(now)
        if not self._total.take(now):
            return NONE
        return FULL if left > self._easy else SHORT

    def sent(self, address: Address, now: float, length: int) -> None:
        """A reply of so many bytes goes there."""
        if self._bytes is not None and is_public(address):
            self._bytes.spend(network_of(address[:-2]), now, length + _HEADER_BYTES[len(address)])
