"""Who provides what: the records that this node keeps for others. Pure; the time is handed in.

Unlike the library's own store (20 providers a key, newcomers dropped, 48 hours) it takes 512 a key,
each endpoint with a lifetime of its own. Newcomers are always taken in: what is full drops something of
the host that holds most of it, and in all it holds no more than some 20 MiB.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bitboot_core.aio.limits import Shares

from .sharing import HERE, Share

MAX_PROVIDERS = 512
"""Providers under one key."""

MAX_ADDRESSES = 64
"""Addresses of one provider under one key."""

MAX_ADDRESS_BYTES = 300
"""Of one address: a name of the longest kind, and a little."""

MAX_SLOTS = 32_768
"""Room for all records together ..."""

SLOT_BYTES = 512
"""... of so many bytes each. A record takes a slot or more."""

MAX_LIFETIME = 7200.0
"""Seconds. A host that names no lifetime, as those of other implementations, gets this one."""

_OVERHEAD = 160
"""Bytes that an address takes besides itself."""


@dataclass(frozen=True, slots=True)
class _Record:
    addresses: dict[bytes, float]
    share: Share
    slots: int

    @property
    def ends(self) -> float:
        return max(self.addresses.values())


class Providers:
    """Addresses, as binary multiaddrs, by key and provider."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._keys: dict[bytes, dict[bytes, _Record]] = {}
        self._shares: Shares[tuple[bytes, bytes, int]] = Shares()
        self._size = 0

    def put(self, key: bytes, provider: bytes, lifetimes: Mapping[bytes, float], share: Share = HERE) -> None:
        """Replace what `provider` provides under `key`: addresses, each for so many seconds. None: forget.

        `share`: whom it is counted for.
        """
        self._drop(key, provider)
        now = self._now()
        kept = {
            address: now + max(0.0, min(seconds, MAX_LIFETIME))
            for address, seconds in list(lifetimes.items())[:MAX_ADDRESSES]
            if len(address) <= MAX_ADDRESS_BYTES
        }
        if not kept:
            return
        if len(self._fresh(key)) >= MAX_PROVIDERS:
            self._drop(key, self._whose_turn_under(key))
        slots = 1 + sum(len(address) + _OVERHEAD for address in kept) // SLOT_BYTES
        while len(self._shares) + slots > MAX_SLOTS:
            self._drop(*self._shares.largest()[:2])
        self._keys.setdefault(key, {})[provider] = _Record(kept, share, slots)
        self._size += 1
        for slot in range(slots):
            self._shares.add((key, provider, slot), share)

    def get(self, key: bytes) -> dict[bytes, list[bytes]]:
        """The addresses by provider."""
        return {provider: list(record.addresses) for provider, record in self._fresh(key).items()}

    @property
    def keys(self) -> int:
        """How many keys are kept."""
        return len(self._keys)

    def __len__(self) -> int:
        return self._size

    def _whose_turn_under(self, key: bytes) -> bytes:
        """Of the network that has most providers under `key`, the one that ends first."""
        records = self._keys[key]
        networks = Counter(record.share.network for record in records.values())
        largest = max(networks.values())
        crowd = [one for one, record in records.items() if networks[record.share.network] == largest]
        return min(crowd, key=lambda one: records[one].ends)

    def _drop(self, key: bytes, provider: bytes) -> None:
        records = self._keys.get(key, {})
        record = records.pop(provider, None)
        if record is None:
            return
        self._size -= 1
        for slot in range(record.slots):
            self._shares.discard((key, provider, slot), record.share)
        if not records:
            del self._keys[key]

    def _fresh(self, key: bytes) -> dict[bytes, _Record]:
        now = self._now()
        for provider, record in list(self._keys.get(key, {}).items()):
            for address in [one for one, ends in record.addresses.items() if ends <= now]:
                del record.addresses[address]
            if not record.addresses:
                self._drop(key, provider)
        return self._keys.get(key, {})
