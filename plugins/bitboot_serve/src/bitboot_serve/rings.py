"""Events that are kept for a while, so that many can read them, each at his own pace."""

from __future__ import annotations

from collections import deque
from typing import Any

from bitboot_core.aio.tasks import Signal


class Ring:
    """The last events of something, numbered from 1. Readers keep their own place: nothing waits for them."""

    def __init__(self, size: int) -> None:
        self.last = 0
        self._events: deque[tuple[int, str, dict[str, Any]]] = deque(maxlen=size)
        self._arrived = Signal()

    def append(self, kind: str, record: dict[str, Any]) -> None:
        """Keep an event, forget the oldest, and wake the readers."""
        self.last += 1
        self._events.append((self.last, kind, record))
        self._arrived.notify()

    def has(self, number: int) -> bool:
        """Whether all events after this one are still there."""
        return self.last - len(self._events) <= number <= self.last

    def after(self, number: int) -> list[tuple[int, str, dict[str, Any]]]:
        """The events after this one."""
        wanted = self.last - number
        return list(self._events)[-wanted:] if wanted else []

    async def arrival(self) -> None:
        """Wait for the next event."""
        await self._arrived.wait()

    def wake(self) -> None:
        """Wake the readers without an event."""
        self._arrived.notify()
