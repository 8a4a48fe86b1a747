"""The keys of a private swarm: another one every six hours, all derived from its secret."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ...model import KEY_BYTES
from .secret import SALT

EPOCH = 21600
"""Seconds: six hours."""

EDGE = 2700.0
"""Seconds at both ends of an epoch during which its neighbour counts too, so that clocks may be half an
hour off."""

_KEPT = 8
"""Epochs whose keys are kept at hand."""


@dataclass(frozen=True, slots=True, repr=False)
class EpochKeys:
    """What holds for one epoch: where members announce (20 bytes), and what proves them (32 bytes)."""

    epoch: int
    key: bytes
    psk: bytes

    @property
    def prologue(self) -> bytes:
        """What both sides of a handshake must agree on."""
        return SALT + self.key


class Epochs:
    """The epochs of one private swarm, and the keys of each. Times are seconds since 1970."""

    def __init__(self, name: str, secret: bytes) -> None:
        """`name`: in Unicode's form NFC. `secret`: 32 bytes."""
        self._name, self._secret = name.encode(), secret
        self._phase = int.from_bytes(self._derive(b"phase\0" + self._name, 4), "big") % EPOCH
        self._keys: dict[int, EpochKeys] = {}

    @property
    def phase(self) -> int:
        """When epochs begin: seconds after whole multiples of EPOCH."""
        return self._phase

    def at(self, time: float) -> int:
        """The number of the epoch at this time."""
        return int((time - self._phase) // EPOCH)

    def keys(self, epoch: int) -> EpochKeys:
        """The keys of an epoch."""
        found = self._keys.get(epoch)
        if found is None:
            found = EpochKeys(epoch, self._of(b"key", epoch, KEY_BYTES), self._of(b"psk", epoch, 32))
            self._keys[epoch] = found
            if len(self._keys) > _KEPT:
                del self._keys[min(self._keys, key=lambda one: -abs(one - epoch))]
        return found

    def announced(self, time: float) -> tuple[EpochKeys, ...]:
        """Those that members announce under now: this epoch's, and at its end the next one's too."""
        epoch, age = self.at(time), self._age(time)
        return tuple(map(self.keys, (epoch, epoch + 1) if age >= EPOCH - EDGE else (epoch,)))

    def read(self, time: float) -> tuple[EpochKeys, ...]:
        """Those that members look up now: this epoch's, and near an edge its neighbour's.

        At the end of an epoch the next one's too: a member whose clock is ahead announces under that alone.
        """
        epoch, age = self.at(time), self._age(time)
        if age < EDGE:
            return self.keys(epoch), self.keys(epoch - 1)
        return tuple(map(self.keys, (epoch, epoch + 1) if age >= EPOCH - EDGE else (epoch,)))

    def opening(self, time: float) -> tuple[EpochKeys, ...]:
        """Those that a message may come under: this epoch's, then its neighbours'."""
        epoch, age = self.at(time), self._age(time)
        near, far = (epoch - 1, epoch + 1) if age < EPOCH / 2 else (epoch + 1, epoch - 1)
        return tuple(map(self.keys, (epoch, near, far)))

    def counting(self, time: float) -> set[int]:
        """The epochs of which what was proved in them counts now."""
        return {self.at(time - EDGE), self.at(time), self.at(time + EDGE)}

    def counts(self, epoch: int, time: float) -> bool:
        """Whether what was proved in an epoch still counts."""
        return self.at(time - EDGE) <= epoch <= self.at(time + EDGE)

    def next_change(self, time: float) -> float:
        """When other keys than now are announced: the next edge of an epoch."""
        age = self._age(time)
        return time - age + (EPOCH - EDGE if age < EPOCH - EDGE else EPOCH)

    def _age(self, time: float) -> float:
        return (time - self._phase) % EPOCH

    def _of(self, label: bytes, epoch: int, length: int) -> bytes:
        return self._derive(label + b"\0" + self._name + epoch.to_bytes(8, "big"), length)

    def _derive(self, info: bytes, length: int) -> bytes:
        """HKDF-SHA256 (RFC 5869)."""
        return HKDF(SHA256(), length, SALT, info).derive(self._secret)
