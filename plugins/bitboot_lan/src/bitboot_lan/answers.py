"""Who asked, and when to answer: after some jitter, once for all who ask meanwhile. No sockets, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from .settings import Settings

MAX_GREETED = 4_096
"""Swarms whose last greeting is kept in mind; beyond that, those of the last minute."""


class Answers:
    """The swarms of ours that somebody asked about.

    However many ask, and however often: a swarm is answered for at most once in `jitter` seconds, to the
    group.
    """

    def __init__(self, settings: Settings, random: Random) -> None:
        self._settings, self._random = settings, random
        self._wanted: dict[bytes, None] = {}
        self._greeted: dict[bytes, float] = {}
        self.due: float | None = None
        """When the next answer is to be sent."""

    def ask(self, keys: Iterable[bytes], now: float) -> None:
        """Somebody asks about these swarms of ours."""
        for key in keys:
            self._wanted[key] = None
        if self._wanted and self.due is None:
            self.due = now + self._random.uniform(0.0, self._settings.jitter)

    def greet(self, keys: Iterable[bytes], now: float) -> None:
        """A newcomer announced itself in these swarms of ours: it is to hear of us, and cannot always ask.

        At most once a minute each, whoever comes: that is what others may announce anyway.
        """
        if len(self._greeted) >= MAX_GREETED:
            self._greeted = {key: until for key, until in self._greeted.items() if until > now}
        fresh = [key for key in keys if now >= self._greeted.get(key, now)]
        for key in fresh:
            self._greeted[key] = now + self._settings.pace
        self.ask(fresh, now)

    def take(self, now: float) -> list[bytes]:
        """The swarms to answer for now."""
        if self.due is None or now < self.due:
            return []
        wanted = list(self._wanted)
        self._wanted.clear()
        self.due = None
        return wanted

    def forget(self, key: bytes) -> None:
        """It is a swarm of ours no more."""
        self._wanted.pop(key, None)
        self._greeted.pop(key, None)
