"""The lookups under way: when each asks, what it hears, and when it is over. No sockets, no clock."""

from __future__ import annotations

from collections.abc import Callable, Collection

from bitboot_core import BackendTimeout, BitBootError, KnownHost
from bitboot_core.aio.limits import Allowance

from .message import MAX_KEYS
from .settings import Settings

QUESTIONS = 2
"""How often a lookup asks: multicast is lost more often than other datagrams, above all on Wi-Fi."""

_ALL = b""


class Search:
    """What one lookup hears, in the order in which it comes."""

    def __init__(self, key: bytes, now: float, wake: Callable[[], None]) -> None:
        """`wake` is called when there is something to read, or it is over."""
        self.key: bytes = key
        self.is_over: bool = False
        self.error: BitBootError | None = None
        """Why it has failed, where it has."""
        self.asked: int = 0
        self.next: float = now
        """When there is something to do about it."""
        self._asked_at, self._wake = now, wake
        self._known: set[KnownHost] = set()
        self._arrived: list[KnownHost] = []

    @property
    def may_ask(self) -> bool:
        """Whether it has not asked as often as it should."""
        return self.asked < QUESTIONS

    def is_answered(self, heard_ourselves: float) -> bool:
        """Whether anything was heard since it asked, be it our own question."""
        return bool(self._known) or heard_ourselves >= self._asked_at

    def found(self, peer: KnownHost) -> None:
        """A peer was heard."""
        if peer not in self._known and not self.is_over:
            self._known.add(peer)
            self._arrived.append(peer)
            self._wake()

    def take(self) -> list[KnownHost]:
        """What has arrived since this was asked last."""
        arrived, self._arrived = self._arrived, []
        return arrived

    def has_asked(self, now: float, settings: Settings) -> None:
        """Its question is on the way."""
        self.asked += 1
        if self.asked == 1:
            self._asked_at = now
        wait = settings.patience if self.asked == QUESTIONS else settings.ask_again
        self.next = self._asked_at + wait

    def end(self, error: BitBootError | None = None) -> None:
        """It is over; it failed where there is an error."""
        if not self.is_over:
            self.is_over, self.error = True, error
            self._wake()


class Searches:
    """All of them. Those that ask at the same time share their questions."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: dict[Search, None] = {}
        per_second = settings.questions_per_second
        self._allowance = Allowance(per_second, settings.burst * per_second)

    def add(self, search: Search) -> None:
        """Begin one."""
        self._running[search] = None

    def remove(self, search: Search) -> None:
        """Nobody reads it any more."""
        self._running.pop(search, None)

    def heard(self, keys: Collection[bytes], peer: KnownHost) -> None:
        """A peer announced itself under these keys."""
        for search in self._running:
            if search.key in keys:
                search.found(peer)

    def due(self) -> float | None:
        """When there is something to do, None where nothing is under way."""
        return min((search.next for search in self._running), default=None)

    def ask(self, now: float, send: Callable[[tuple[bytes, ...]], BitBootError | None]) -> None:
        """Send the questions that are due. `send` gives the reason where one left from no address."""
        by_key: dict[bytes, list[Search]] = {}
        for search in self._running:
            if search.next <= now and search.may_ask:
                by_key.setdefault(search.key, []).append(search)
        keys = list(by_key)
        for start in range(0, len(keys), MAX_KEYS):
            some = tuple(keys[start : start + MAX_KEYS])
            asking = [search for key in some for search in by_key[key]]
            if self._allowance.take(_ALL, now):
                error = send(some)
                for search in asking:
                    if error is not None and not search.asked:
                        self.remove(search)
                        search.end(error)
                    else:
                        search.has_asked(now, self._settings)
            else:
                for search in asking:
                    search.next = now + 1 / self._settings.questions_per_second

    def end(self, now: float, heard_ourselves: float) -> None:
        """End those whose time is up. `heard_ourselves`: when a message of our own came back last.

        Every system gives a program its own messages to a group that it has joined. Where not even those
        come, nobody's would, and that nobody was heard does not mean that nobody is there.
        """
        for search in [one for one in self._running if not one.may_ask and one.next <= now]:
            self.remove(search)
            if search.is_answered(heard_ourselves):
                search.end()
            else:
                search.end(
                    BackendTimeout(
                        "nothing was heard on the local network, not even this program's own question",
                        hint="a firewall on this machine may block multicast: allow UDP port "
                        f"{self._settings.port} in both directions",
                    )
                )

    def fail(self, error: BitBootError) -> None:
        """All of them fail."""
        for search in list(self._running):
            self.remove(search)
            search.end(error)
