"""Who provides what: the records that this node keeps for others. Pure; the time is handed in.

Unlike the library's own store (20 providers a key, newcomers dropped, 48 hours) it takes 512 a key,
each endpoint with a lifetime of its own. A key that is full drops what would have ended first, a store
that is full the key that was announced longest ago: nobody can shut newcomers out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

MAX_PROVIDERS = 512
"""Providers under one key."""

MAX_ADDRESSES = 64
"""Addresses of one provider under one key."""

MAX_RECORDS = 50_000
"""Providers under all keys together."""

MAX_LIFETIME = 7200.0
"""Seconds. A host that names no lifetime, as those of other implementations, gets this one."""


class Providers:
    """Addresses, as binary multiaddrs, by key and provider."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._keys: dict[bytes, dict[bytes, dict[bytes, float]]] = {}
        self._size = 0

    def put(self, key: bytes, provider: bytes, lifetimes: Mapping[bytes, float]) -> None:
        """Replace what `provider` provides under `key`: addresses, each for so many seconds. None: forget."""
        records = self._fresh(key)
        self._keys.pop(key, None)
        self._drop(records, provider)
        kept = list(lifetimes.items())[:MAX_ADDRESSES]
        if kept:
            while len(records) >= MAX_PROVIDERS:
                self._drop(records, min(records, key=lambda one: max(records[one].values())))
            while self._size >= MAX_RECORDS and self._keys:
                self._size -= len(self._keys.pop(next(iter(self._keys))))
            now = self._now()
            records[provider] = {
                address: now + max(0.0, min(seconds, MAX_LIFETIME)) for address, seconds in kept
            }
            self._size += 1
        if records:
            self._keys[key] = records  # at the end: the keys stand in the order of their announcements

    def get(self, key: bytes) -> dict[bytes, list[bytes]]:
        """The addresses by provider."""
        return {provider: list(addresses) for provider, addresses in self._fresh(key).items()}

    @property
    def keys(self) -> int:
        """How many keys are kept."""
        return len(self._keys)

    def __len__(self) -> int:
        return self._size

    def _drop(self, records: dict[bytes, dict[bytes, float]], provider: bytes) -> None:
        if records.pop(provider, None) is not None:
            self._size -= 1

    def _fresh(self, key: bytes) -> dict[bytes, dict[bytes, float]]:
        records, now = self._keys.get(key, {}), self._now()
        for provider, addresses in list(records.items()):
            for address in [one for one, ends in addresses.items() if ends <= now]:
                del addresses[address]
            if not addresses:
                self._drop(records, provider)
        if not records:
            self._keys.pop(key, None)
        return records
