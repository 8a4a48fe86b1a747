"""The items that others put here (BEP 44): each with its end, all of them capped and fairly shared."""

from __future__ import annotations

from dataclasses import dataclass

from bitboot_core.aio.limits import Shares, network_of

from ..settings import Settings

STAKES = 8
"""Of those that put one item, this many networks are remembered: whoever put it longest ago is forgotten."""

_OVERHEAD = 1_000
"""Bytes that a stake takes, beside the item's value: mostly in `Shares`."""

_PAYLOAD = 250
"""Bytes that an item takes, beside its value and stakes."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An item. Of an immutable one there is the value alone, bencoded."""

    encoded: bytes
    public_key: bytes = b""
    seq: int = 0
    signature: bytes = b""

    @property
    def is_mutable(self) -> bool:
        """Whether it is signed, and may be replaced by its publisher."""
        return bool(self.public_key)


class _Kept:
    """An item that is stored, and who keeps it here: an address of each network that put it."""

    __slots__ = ("item", "stakes")

    def __init__(self, item: Stored) -> None:
        self.item = item
        self.stakes: dict[bytes, bytes] = {}  # by network, the one that put it longest ago in front


class ItemStore:
    """Items by target. Times are the node's clock, in seconds.

    Whoever puts an item has a stake in it, one for each network (/24, or /48 of IPv6), and it stays until the
    last stake is gone: by time, or because the store is full. Then the network with most stakes loses, in it
    the source (address, or /64) with most, and of its items the one put longest ago. So nobody pushes out by
    putting much what others have put, nor by putting theirs again.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kept: dict[bytes, _Kept] = {}
        self._shares: Shares[tuple[bytes, bytes]] = Shares()  # of stakes: target and network
        self._ends: dict[tuple[bytes, bytes], float] = {}  # of stakes, the first to end in front
        self._bytes = 0

    def __len__(self) -> int:
        """How many items are stored."""
        return len(self._kept)

    @property
    def size(self) -> int:
        """About how many bytes they take."""
        return self._bytes

    def get(self, target: bytes, now: float) -> Stored | None:
        """The item there, if there is one."""
        self.expire(now)
        kept = self._kept.get(target)
        return None if kept is None else kept.item

    def put(self, target: bytes, item: Stored, ip: bytes, now: float) -> None:
        """Store an item, in place of the one there, or for longer. `ip`: of whoever has put it."""
        self.expire(now)
        kept = self._kept.get(target)
        if kept is None:
            kept = self._kept[target] = _Kept(item)
            self._bytes += len(item.encoded) + _PAYLOAD
        elif kept.item != item:
            self._bytes += len(item.encoded) - len(kept.item.encoded)
            kept.item = item
        place = network_of(ip)
        if place in kept.stakes:
            self._drop_stake(target, kept, place)
        elif len(kept.stakes) >= STAKES:
            self._drop_stake(target, kept, next(iter(kept.stakes)))
        kept.stakes[place] = ip
        self._shares.add((target, place), ip)
        self._ends[target, place] = now + self._settings.item_lifetime
        self._bytes += _OVERHEAD
        while self._bytes > self._settings.max_item_bytes:
            self._remove_stake(*self._shares.largest())

    def expire(self, now: float) -> None:
        """Forget what nobody has put for its lifetime."""
        while self._ends:
            first = next(iter(self._ends))
            if self._ends[first] > now:
                return
            self._remove_stake(*first)

    def _remove_stake(self, target: bytes, place: bytes) -> None:
        kept = self._kept[target]
        self._drop_stake(target, kept, place)
        if not kept.stakes:
            del self._kept[target]
            self._bytes -= len(kept.item.encoded) + _PAYLOAD

    def _drop_stake(self, target: bytes, kept: _Kept, place: bytes) -> None:
        self._shares.discard((target, place), kept.stakes.pop(place))
        del self._ends[target, place]
        self._bytes -= _OVERHEAD
