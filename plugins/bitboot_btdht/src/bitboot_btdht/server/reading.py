"""Which datagrams are read at all: strangers can send long ones that take long to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bitboot_core.aio.limits import Allowance

from ..settings import Settings
from ..wire.compact import Address
from ..wire.parts import MAX_PARTS, has_few_parts

_SHORT: Final = 2 * MAX_PARTS
"""A part has two bytes at least: datagrams that are no longer than this, nearly all there are, have few."""

_PUT: Final = b"1:q3:put"
"""What the datagrams of `put` hold, and hardly any other: the items that these bring may have many parts."""

_LONG_PUTS: Final = 50.0
"""This many of them with many parts are read in a second, of 0.8 ms at most."""


class Reading:
    """The rule. `expects_much(address)`: whether a long answer is due from there."""

    def __init__(self, settings: Settings, expects_much: Callable[[Address], bool]) -> None:
        self._settings = settings
        self._expects_much = expects_much
        self._long_puts = Allowance(_LONG_PUTS, _LONG_PUTS, max_keys=1)

    def is_worth(self, datagram: bytes, address: Address, now: float) -> bool:
        """Whether a datagram is read."""
        size = len(datagram)
        if size > self._settings.max_datagram or len(address) not in (6, 18):
            return False
        is_short = size <= self._settings.max_query
        if is_short and (size <= _SHORT or has_few_parts(datagram)):
            return True
        if self._expects_much(address):
            return True
        return is_short and _PUT in datagram and self._long_puts.take(b"", now)
