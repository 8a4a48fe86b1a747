"""Who is answered, and at what length.

A call has come from an address, says the datagram, which anybody can write on it. So nobody is answered
with more than a few times the bytes that came, or else the node would throw what it sends at whomever
a stranger names. Whoever shows a token that was sent to its IP address is answered in full.

All of it is decided before a call is unpacked, since that takes longer than everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bitboot_core.aio.limits import AddressLimits, Allowance, packed

from .contacts import ContactTable
from .settings import Settings
from .tokens import TOKEN_BYTES, Tokens
from .wire import Address, is_loopback

GREETING_BYTES = 70
"""What a stranger may be sent besides the answer: a greeting, which is a little shorter."""

_FOR_CONTACTS = frozenset({"keys", "records"})
"""Calls that are of no use to strangers."""

_NO_TOKEN = bytes(TOKEN_BYTES)
_ALL = b""


class Sender(NamedTuple):
    """Where a call came from, and how many bytes it may be answered with."""

    host: str
    port: int
    room: int
    is_proven: bool
    """Whether it can receive there: it has shown a token."""

    @property
    def address(self) -> Address:
        """IP address and port."""
        return self.host, self.port


class Gate:
    """What strangers, contacts and those with a token may ask. `now` gives the time in seconds."""

    def __init__(
        self, settings: Settings, now: Callable[[], float], tokens: Tokens, contacts: ContactTable
    ) -> None:
        self._settings = settings
        self._now = now
        self._tokens = tokens
        self._contacts = contacts
        self._strangers = AddressLimits(settings.calls_per_stranger, settings.calls_per_strange_network)
        self._all_strangers = Allowance(settings.calls_of_strangers, settings.calls_of_strangers)
        self._proven = AddressLimits(settings.calls_per_source, settings.calls_per_network)

    def admit(self, name: str, call: bytes, length: int, address: Address) -> Sender | None:
        """Who makes a call of `length` bytes, of which `call` is the packed part; None if it is not read."""
        host, port = address
        token = call[-TOKEN_BYTES:]
        if token != _NO_TOKEN and self._tokens.accepts(token, host):
            if not self._proven.take(packed(host), self._now()):
                return None
            return Sender(host, port, self._settings.reply_bytes, is_proven=True)
        is_contact = self._contacts.at(address) is not None
        if not is_contact and name in _FOR_CONTACTS:
            return None
        if not self._has_time_for(host, is_contact=is_contact):
            return None
        room = self._settings.amplification * length - (0 if is_contact else GREETING_BYTES)
        return Sender(host, port, min(room, self._settings.reply_bytes), is_proven=False)

    def _has_time_for(self, host: str, *, is_contact: bool) -> bool:
        now = self._now()
        return is_loopback(host) or (
            self._strangers.take(packed(host), now) and (is_contact or self._all_strangers.take(_ALL, now))
        )
