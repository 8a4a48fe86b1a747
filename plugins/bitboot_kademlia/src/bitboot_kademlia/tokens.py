"""Write tokens, as BEP 5 has them: proof that whoever announces can receive at the address it claims."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections import OrderedDict
from collections.abc import Callable

from .wire import Address

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


class HeldTokens:
    """The tokens that others gave us, by their addresses, the oldest of too many forgotten.

    Whoever shows one in a call is answered in full: it can receive at the address it calls from.
    """

    def __init__(self, now: Callable[[], float], most: int) -> None:
        self._now = now
        self._most = most
        self._tokens: OrderedDict[Address, tuple[float, bytes]] = OrderedDict()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._tokens)

    def put(self, address: Address, token: bytes) -> None:
        """Whoever is at `address` gave us this one."""
        self._tokens[address] = self._now() + EPOCH, token
        self._tokens.move_to_end(address)
        if len(self._tokens) > self._most:
            self._tokens.popitem(last=False)

    def get(self, address: Address) -> bytes:
        """What to show there; nothing where there is none that is surely still good."""
        ends, token = self._tokens.get(address, (0.0, b""))
        return token if ends > self._now() else b""
