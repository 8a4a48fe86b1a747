"""What nodes with the bare library store here: single values, theirs to overwrite. All of it capped."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bitboot_core.aio.limits import Shares, source_of

from ._library import IStorage
from .settings import Settings

Value = int | float | bool | str | bytes
"""What the library lets its users store."""

LIFETIME = 604_800.0
"""How long a value is kept: the library's week."""

SLOT_BYTES = 2_048
"""A value takes a slot for each so many bytes of it."""


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Value
    expires: float
    ip: bytes
    slots: int


class ValueStore(IStorage):
    """Values by key, the one stored last at the end. `now` gives the time in seconds.

    When it is full, the source that holds most loses what it stored first: see `Shares`.
    """

    def __init__(self, settings: Settings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._values: OrderedDict[bytes, _Kept] = OrderedDict()
        self._shares: Shares[tuple[bytes, int]] = Shares()

    def __len__(self) -> int:
        """How many values are held."""
        return len(self._values)

    def keep(self, key: bytes, value: Value, ip: bytes) -> bool:
        """Keep `value`, which came from `ip`; False where that source holds most already."""
        self._sweep()
        slots = 1 + _size(value) // SLOT_BYTES
        while len(self._shares) + slots - self._slots_of(key) > self._settings.max_value_slots:
            largest, _ = self._shares.largest()
            if source_of(self._values[largest].ip) == source_of(ip):
                return False
            self._drop(largest)
        if key in self._values:
            self._drop(key)
        self._values[key] = _Kept(value, self._now() + LIFETIME, ip, slots)
        for slot in range(slots):
            self._shares.add((key, slot), ip)
        return True

    def __setitem__(self, key: bytes, value: Value) -> None:
        """The library's own way, which does not say who stores. Not to be used."""
        raise NotImplementedError("use keep(), which counts a value for whoever stores it")

    def __getitem__(self, key: bytes) -> Value:
        """The value under `key`. Raises KeyError."""
        self._sweep()
        return self._values[key].value

    def get(self, key: bytes, default: Value | None = None) -> Value | None:
        """The value under `key`, or `default`."""
        self._sweep()
        return self._values[key].value if key in self._values else default

    def iter_older_than(self, seconds_old: float) -> list[tuple[bytes, Value]]:
        """Values stored at least so long ago."""
        before = self._now() + LIFETIME - seconds_old
        return [(key, kept.value) for key, kept in self._values.items() if kept.expires <= before]

    def __iter__(self) -> Iterator[tuple[bytes, Value]]:
        """All keys and values."""
        self._sweep()
        return iter([(key, kept.value) for key, kept in self._values.items()])

    def _slots_of(self, key: bytes) -> int:
        return self._values[key].slots if key in self._values else 0

    def _drop(self, key: bytes) -> None:
        kept = self._values.pop(key)
        for slot in range(kept.slots):
            self._shares.discard((key, slot), kept.ip)

    def _sweep(self) -> None:
        # All live equally long, so the first is always the first to end.
        while self._values:
            key, kept = next(iter(self._values.items()))
            if kept.expires > self._now():
                return
            self._drop(key)


def _size(value: Value) -> int:
    return len(value) if isinstance(value, bytes) else 4 * len(value) if isinstance(value, str) else 0
