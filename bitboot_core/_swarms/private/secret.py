"""What the members of a private swarm share: 32 bytes, or a passphrase that is stretched to as many."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import unicodedata

from ...errors import InvalidConfig, InvalidSwarmName
from ..keys import SwarmName, swarm_key

__all__ = ["SwarmSecret"]

SALT = b"bitboot-private/1"
"""The version of the protocol, in whatever is derived."""

SECRET_BYTES = 32
MIN_PASSPHRASE = 12
"""Characters that a passphrase has at least."""

_PREFIX = "bbs1"
_N, _R, _P = 1 << 15, 8, 1
_MEMORY = 64 * 1024 * 1024
"""Bytes that scrypt may take: it takes half of that."""


class SwarmSecret:
    """What makes a swarm private, beside its name: whoever has it is a member.

    `SwarmSecret.generate()` makes a new one, `SwarmSecret("bbs1…")` reads it as text, and
    `SwarmSecret.from_passphrase("…")` takes words that people can remember: then whoever sees the swarm's
    traffic can try words at home, at a tenth of a second each. Nothing shows it but `reveal()`.
    """

    def __init__(self, text: str) -> None:
        """Read "bbs1" and 52 characters of base32. Raises InvalidConfig for anything else."""
        raw = _parsed(text)
        if raw is None:
            raise InvalidConfig(
                "this is not a swarm's secret",
                hint="it is bbs1 and 52 letters and digits, as `bitboot secret new` prints it; "
                "SwarmSecret.from_passphrase() takes words",
            )
        self._raw: bytes | None = raw
        self._passphrase = ""

    @classmethod
    def generate(cls) -> SwarmSecret:
        """A new one: 256 random bits."""
        return cls(_text(os.urandom(SECRET_BYTES)))

    @classmethod
    def from_passphrase(cls, passphrase: str) -> SwarmSecret:
        """The secret that stands for some words. Raises InvalidConfig for fewer than 12 characters.

        Two spellings of the same letters are the same passphrase (Unicode's form NFC).
        """
        words = unicodedata.normalize("NFC", passphrase) if isinstance(passphrase, str) else ""
        if len(words) < MIN_PASSPHRASE:
            raise InvalidConfig(
                f"a passphrase has at least {MIN_PASSPHRASE} characters",
                hint="five random words will do; better is SwarmSecret.generate()",
            )
        secret = cls.__new__(cls)
        secret._raw, secret._passphrase = None, words
        return secret

    def reveal(self) -> str:
        """The secret itself, as text: "bbs1…", or the passphrase. For whoever keeps it in a safe place."""
        return self._passphrase if self._raw is None else _text(self._raw)

    def for_name(self, name: str) -> bytes:
        """The 32 bytes that the keys of the swarm `name` derive from. Of a passphrase it takes 0.1 s of CPU.

        A passphrase is stretched by scrypt (RFC 7914), with N = 2 ** 15, r = 8, p = 1, which takes 32 MiB.
        """
        if self._raw is not None:
            return self._raw
        salt = SALT + hashlib.sha256(name.encode()).digest()
        words = self._passphrase.encode("utf-8", "surrogatepass")
        return hashlib.scrypt(words, salt=salt, n=_N, r=_R, p=_P, maxmem=_MEMORY, dklen=SECRET_BYTES)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SwarmSecret):
            return NotImplemented
        return hmac.compare_digest(self._identity(), other._identity())

    def __hash__(self) -> int:
        return hash(self._identity())

    def __repr__(self) -> str:
        return "<SwarmSecret>"

    def __reduce__(self) -> str:
        raise TypeError("a swarm's secret is not pickled: hand over what reveal() gives")

    def _identity(self) -> bytes:
        kind = b"words:" if self._raw is None else b"bytes:"
        return hashlib.sha256(
            kind + (self._raw or self._passphrase.encode("utf-8", "surrogatepass"))
        ).digest()


def private_name(swarm: SwarmName) -> str:
    """The name of a private swarm, in Unicode's form NFC. Raises InvalidSwarmName, also for a raw key."""
    if not isinstance(swarm, str):
        swarm_key(swarm)
        raise InvalidSwarmName("a private swarm has a name, not a raw key", hint="give its name with secret=")
    name = unicodedata.normalize("NFC", swarm)
    swarm_key(name)
    return name


def checked_secret(secret: object) -> SwarmSecret:
    """A secret that was given. Raises InvalidConfig where it is none, and does not show what it is."""
    if isinstance(secret, SwarmSecret):
        return secret
    raise InvalidConfig(
        f"secret= takes a SwarmSecret, not {type(secret).__name__}",
        hint='SwarmSecret("bbs1…"), SwarmSecret.from_passphrase("…") or SwarmSecret.generate()',
    )


def _text(raw: bytes) -> str:
    return _PREFIX + base64.b32encode(raw).decode().rstrip("=").lower()


def _parsed(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    plain = text.strip().lower()
    if not plain.startswith(_PREFIX) or not plain.isascii():
        return None
    try:
        raw = base64.b32decode(plain[len(_PREFIX) :].upper() + "====")
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == SECRET_BYTES and _text(raw) == plain else None
