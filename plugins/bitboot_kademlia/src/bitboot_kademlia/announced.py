"""What this node has announced for its user, and what is needed to take it back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from bitboot_core import KnownHost

from .wire import SECRET_BYTES, Address


@dataclass(slots=True)
class Announced:
    """One announcement: its secret, and who keeps it until when."""

    secret: bytes = field(default_factory=lambda: os.urandom(SECRET_BYTES))
    expires: float = 0.0
    is_withdrawn: bool = False
    holders: dict[tuple[int, Address], float] = field(default_factory=dict)


class Announcements:
    """All of them, by key and endpoint. `now` gives the time in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._entries: dict[tuple[bytes, KnownHost], Announced] = {}

    def get(self, key: bytes, endpoint: KnownHost) -> Announced | None:
        """What was announced of `endpoint` under `key`; None where nothing was."""
        return self._entries.get((key, endpoint))

    def begin(self, key: bytes, endpoint: KnownHost, lifetime: float) -> Announced:
        """The announcement that is now made or renewed, for `lifetime` seconds. Forgets what has expired."""
        now = self._now()
        for known in [one for one, entry in self._entries.items() if entry.expires <= now]:
            del self._entries[known]
        entry = self._entries.get((key, endpoint))
        if entry is None or entry.is_withdrawn:  # a secret that was shown is of no more use
            entry = self._entries[key, endpoint] = Announced()
        entry.expires = max(entry.expires, now + lifetime)
        entry.holders = {holder: expires for holder, expires in entry.holders.items() if expires > now}
        return entry
