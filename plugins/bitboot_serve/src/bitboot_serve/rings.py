"""Events that are kept for a while, so that many can read them, each at his own pace."""

from __future__ import annotations

import secrets
from collections import deque
from dataclasses import dataclass
from typing import Any

from bitboot_core.aio.tasks import Signal


@dataclass(frozen=True, slots=True)
class Kept:
    """An event: its number in its ring, its kind, and what it tells."""

    number: int
    kind: str
    record: dict[str, Any]


class Ring:
    """The last events of something, numbered from 1. Readers keep their own place: nothing waits for them."""

    def __init__(self, size: int) -> None:
        self.last: int = 0
        self.closed: bool = False
        self._token = secrets.token_hex(6)  # numbers of another ring, or of a former daemon's, are not ours
        self._events: deque[Kept] = deque(maxlen=size)
        self._changed = Signal()

    def append(self, kind: str, record: dict[str, Any]) -> None:
        """Keep an event, forget the oldest, and wake the readers."""
        self.last += 1
        self._events.append(Kept(self.last, kind, record))
        self._changed.notify()

    def close(self) -> None:
        """There will be no more events."""
        self.closed = True
        self._changed.notify()

    def has(self, number: int) -> bool:
        """Whether all events after this one are still there."""
        return self.last - len(self._events) <= number <= self.last

    def after(self, number: int) -> list[Kept]:
        """The events after this one."""
        wanted = self.last - number
        return list(self._events)[-wanted:] if wanted else []

    async def changed(self) -> None:
        """Wait for the next event, or the end."""
        await self._changed.wait()

    def id_of(self, number: int) -> str:
        """What a client hands back to go on after this event."""
        return f"{self._token}-{number}"

    def number_of(self, identifier: str) -> int | None:
        """The number that `id_of` was made of, None where it is not ours or too much has happened since."""
        token, _, digits = identifier.partition("-")
        if token != self._token or not (digits.isascii() and digits.isdecimal()) or len(digits) > 15:
            return None
        return int(digits) if self.has(int(digits)) else None
