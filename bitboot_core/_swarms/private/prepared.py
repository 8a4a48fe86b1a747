"""Handshakes in which all is done that is the same each time, for each epoch: to be copied."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from .epochs import EpochKeys
from .noise import Handshake

KEPT = 2
"""Epochs around the one asked for last whose handshakes are kept."""


class Prepared:
    """The handshakes of one side."""

    def __init__(self, static: X25519PrivateKey, *, initiates: bool) -> None:
        self._static, self._initiates = static, initiates
        self._made: dict[int, Handshake] = {}

    def begin(self, keys: EpochKeys) -> Handshake:
        """A new handshake under these keys, before its first message."""
        found = self._made.get(keys.epoch)
        if found is None:
            found = Handshake(
                initiates=self._initiates, static=self._static, prologue=keys.prologue, psks=[keys.psk]
            )
            found.skip_psk()
            self._made[keys.epoch] = found
            for old in [epoch for epoch in self._made if abs(epoch - keys.epoch) > KEPT]:
                del self._made[old]
        return found.copy()
