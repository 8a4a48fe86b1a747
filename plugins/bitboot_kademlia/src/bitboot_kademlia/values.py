"""What nodes with the bare library store here: single values, theirs to overwrite. All of it capped."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from kademlia.storage import IStorage

from .settings import Settings

Value = int | float | bool | str | bytes
"""What the library lets its users store."""

LIFETIME = 604_800.0
"""How long a value is kept: the library's week."""

_SMALL = 16
"""Bytes that a number counts as."""


class ValueStore(IStorage):  # type: ignore[misc]  # the library has no types
    """Values by key, the one stored last at the end. `now` gives the time in seconds.

    When it is full a new key is refused with KeyError, so that nobody can push out what is there.
    """

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._values: OrderedDict[bytes, tuple[float, Value]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        """How many values are held."""
        return len(self._values)

    def __setitem__(self, key: bytes, value: Value) -> None:
        """Keep `value`. Raises KeyError where there is no room for it."""
        self._sweep()
        former = self._values.get(key)
        count = len(self._values) + (former is None)
        size = self._bytes + _size(value) - (_size(former[1]) if former is not None else 0)
        if count > self._settings.max_values or size > self._settings.max_value_bytes:
            raise KeyError(key)
        self._values[key] = (self._now() + LIFETIME, value)
        self._values.move_to_end(key)
        self._bytes = size

    def __getitem__(self, key: bytes) -> Value:
        """The value under `key`. Raises KeyError."""
        self._sweep()
        return self._values[key][1]

    def get(self, key: bytes, default: Value | None = None) -> Value | None:
        """The value under `key`, or `default`."""
        self._sweep()
        return self._values[key][1] if key in self._values else default

    def iter_older_than(self, seconds_old: float) -> list[tuple[bytes, Value]]:
        """Values stored at least so long ago."""
        before = self._now() + LIFETIME - seconds_old
        return [(key, value) for key, (expires, value) in self._values.items() if expires <= before]

    def __iter__(self) -> Iterator[tuple[bytes, Value]]:
        """All keys and values."""
        self._sweep()
        return iter([(key, value) for key, (_, value) in self._values.items()])

    def _sweep(self) -> None:
        # All live equally long, so the first is always the first to end.
        while self._values:
            key, (expires, value) = next(iter(self._values.items()))
            if expires > self._now():
                return
            del self._values[key]
            self._bytes -= _size(value)


def _size(value: Value) -> int:
    return len(value) if isinstance(value, bytes) else 4 * len(value) if isinstance(value, str) else _SMALL
