"""Write tokens (BEP 5): proof that whoever announces can receive at the address it claims."""

from __future__ import annotations

import hashlib
import hmac
import random
from typing import Final

from ..wire.compact import Address

ROTATION: Final = 300.0
"""Seconds between new secrets. The last two are valid, so a token lives for 5 to 10 minutes."""

TOKEN_BYTES: Final = 8


class Tokens:
    """Makes and checks tokens bound to an IP address. Nothing is stored per token."""

    __slots__ = ("_current", "_previous", "_rng", "_rotate_at")

    def __init__(self, now: float, rng: random.Random) -> None:
        self._rng = rng
        self._current = self._previous = self._keyed()
        self._rotate_at = now + ROTATION

    def issue(self, address: Address, now: float) -> bytes:
        """The token to give out to `address`: TOKEN_BYTES of any value, NUL included."""
        self._rotate(now)
        return _token(self._current, address)

    def accepts(self, token: bytes, address: Address, now: float) -> bool:
        """Whether `token` was issued to this IP within the last two rotations."""
        self._rotate(now)
        return any(
            hmac.compare_digest(token, _token(keyed, address)) for keyed in (self._current, self._previous)
        )

    def _rotate(self, now: float) -> None:
        if now >= self._rotate_at + 2 * ROTATION:
            self._rotate_at = now - ROTATION  # silent for long: both secrets are out of date
        while now >= self._rotate_at:
            self._previous, self._current = self._current, self._keyed()
            self._rotate_at += ROTATION

    def _keyed(self) -> hashlib.blake2b:
        """A hash under a new secret."""
        return hashlib.blake2b(key=self._rng.getrandbits(128).to_bytes(16, "big"), digest_size=TOKEN_BYTES)


def _token(keyed: hashlib.blake2b, address: Address) -> bytes:
    token = keyed.copy()
    token.update(address[:-2])
    return token.digest()
