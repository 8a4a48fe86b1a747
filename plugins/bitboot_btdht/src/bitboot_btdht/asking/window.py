"""How many messages go to one address: never more than so many in any ten seconds, or it ignores us.

A token bucket would let nearly twice as many through in some ten seconds: its burst, and what has been
refilled by their end. So the times of the last messages themselves are kept.
"""

from __future__ import annotations

import enum
from collections import OrderedDict
from typing import Final

from ..wire.compact import Address

SPAN: Final = 10.5
"""Seconds. Ten, which is what others count over, and a little that the way may take out of a gap."""

QUERIES: Final = 0.45
"""This share of the messages to one address may always be queries: less than half, so that two nodes that
ask each other as much as they may can both answer all of it, and nobody takes the other for dead."""

MOST: Final = 0.8
"""Where it asks us little, so much may be queries; where we ask it little, so much may be answers."""

PROBATION: Final = 3.0
"""Seconds from one share of QUERIES to what goes beyond: by then we know whether it asks us too."""

LOOK_EVERY: Final = 1.0
"""Seconds between two times that it is looked whose messages have passed, while there is room for others."""

MAX_ADDRESSES: Final = 16_384
"""Addresses whose messages are remembered. With as many, another one has to wait until a place is free."""


class Kind(enum.IntEnum):
    """What a message is."""

    QUERY = 0
    ANSWER = 1


class _Sent:
    """When one address was sent its last messages of either kind, and when the last of all."""

    __slots__ = ("answers", "last", "queries")

    def __init__(self) -> None:
        # Tuples: of nearly all addresses one is empty, and the other has one or two times.
        self.queries: tuple[float, ...] = ()
        self.answers: tuple[float, ...] = ()
        self.last: float = 0.0

    def forget(self, now: float) -> None:
        """Leave out what no longer counts."""
        self.queries = _that_count(self.queries, now)
        self.answers = _that_count(self.answers, now)


class Window:
    """At most `limit` messages to each address in any ten seconds, queries and answers together."""

    def __init__(self, limit: int, max_addresses: int = MAX_ADDRESSES) -> None:
        self._limit = limit
        self._queries = max(1, int(QUERIES * limit))
        self._most = max(1, int(MOST * limit))
        self._max_addresses = max_addresses
        # By the time of the last message, so that what has passed is found at the front.
        self._sent: OrderedDict[Address, _Sent] = OrderedDict()
        self._look_at = float("-inf")  # until then what has passed is kept

    def __len__(self) -> int:
        return len(self._sent)

    def take(self, address: Address, kind: Kind, now: float) -> bool:
        """Whether one more message to `address` may be sent now; counts it if so."""
        if self.free_at(address, kind, now) > now:
            return False
        sent = self._sent.get(address)
        if sent is None:
            sent = self._sent[address] = _Sent()
        else:
            self._sent.move_to_end(address)
        if kind is Kind.QUERY:
            sent.queries = (*sent.queries, now)
        else:
            sent.answers = (*sent.answers, now)
        sent.last = now
        return True

    def free_at(self, address: Address, kind: Kind, now: float) -> float:
        """When one more message to `address` may be sent: `now`, or later."""
        self._forget(now)
        sent = self._sent.get(address)
        if sent is None:
            return now if len(self._sent) < self._max_addresses else self._first_free()
        if len(sent.queries) + len(sent.answers) < self._queries:
            return now  # within every limit, whatever of it no longer counts: by far the most frequent case
        sent.forget(now)
        queries, answers = sent.queries, sent.answers
        if kind is Kind.ANSWER:
            free_at = _when_fewer(answers, self._most, SPAN)
        else:
            at_most = max(self._queries, self._most - len(answers))
            free_at = max(_when_fewer(queries, at_most, SPAN), _when_fewer(queries, self._queries, PROBATION))
        if len(queries) + len(answers) >= self._limit:
            free_at = max(free_at, min(each[0] for each in (queries, answers) if each) + SPAN)
        return max(free_at, now)

    def _forget(self, now: float) -> None:
        if now < self._look_at and len(self._sent) < self._max_addresses:
            return
        passed = 0
        self._look_at = now + LOOK_EVERY
        for sent in self._sent.values():
            if sent.last + SPAN > now:
                self._look_at = max(self._look_at, sent.last + SPAN)
                break
            passed += 1
        for _ in range(passed):
            self._sent.popitem(last=False)

    def _first_free(self) -> float:
        """When the address that was sent nothing for longest may be forgotten."""
        return next(iter(self._sent.values())).last + SPAN


def _that_count(times: tuple[float, ...], now: float) -> tuple[float, ...]:
    """Those of these times that are within the last SPAN seconds."""
    if times and times[0] + SPAN <= now:
        return tuple([time for time in times if time + SPAN > now])
    return times


def _when_fewer(times: tuple[float, ...], limit: int, span: float) -> float:
    """When fewer than `limit` of these `times` are within the last `span` seconds."""
    return times[-limit] + span if len(times) >= limit else float("-inf")
