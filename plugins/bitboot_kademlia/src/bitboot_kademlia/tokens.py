"""Write tokens, as BEP 5 has them: proof that whoever announces can receive at the address it claims."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable

TOKEN_BYTES = 8
EPOCH = 300.0
"""Seconds. A token is good in the epoch it was made in and the next: for 5 to 10 minutes."""


class Tokens:
    """Makes and checks tokens bound to an IP address. Nothing is stored for a token."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._secret = os.urandom(16)

    def issue(self, host: str) -> bytes:
        """The token for `host`."""
        return self._make(host, self._epoch())

    def accepts(self, token: bytes, host: str) -> bool:
        """Whether `token` was issued to `host`, and not too long ago."""
        epoch = self._epoch()
        return any(hmac.compare_digest(token, self._make(host, one)) for one in (epoch, epoch - 1))

    def _epoch(self) -> int:
        return int(self._now() // EPOCH)

    def _make(self, host: str, epoch: int) -> bytes:
        text = f"{epoch} {host}".encode()
        return hashlib.blake2b(text, key=self._secret, digest_size=TOKEN_BYTES).digest()
