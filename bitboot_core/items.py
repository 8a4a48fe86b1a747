"""Items: small values that a network's nodes keep, and that outlive the program which stored them (BEP 44).

An *immutable* item is found by the hash of its value, and stays as it is. A *mutable* one is found by the
public key of its publisher (and a salt, where that has several), who signs each version of it. Both are
the same on every network that has items, and so is what is signed.

What is stored is bencoded (BEP 3), and here the value is always a byte string: `b"hello"` is stored as
`5:hello`, just as libtorrent and others store their byte strings. Others may store numbers, lists or
dictionaries too: see `Item.value`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import InvalidItem

if TYPE_CHECKING:
    from .identity import Identity

__all__ = ["Item"]

MAX_ENCODED = 1000
"""Bytes of a value, bencoded (BEP 44, "Messages"): nodes refuse what is longer."""

MAX_BYTES = MAX_ENCODED - len(b"996:")
"""Bytes of a value that is a byte string."""

MAX_SALT = 64
"""Bytes of a salt."""

MAX_SEQ = 2**63 - 1
"""The highest sequence number. What has it can never be replaced."""

LIFETIME = 7200.0
"""Seconds for which nodes keep an item that is not put again (BEP 44, "Expiration")."""

TARGET_BYTES = 20
KEY_BYTES = 32
SIGNATURE_BYTES = 64

_STRING = re.compile(rb"(0|[1-9][0-9]{0,3}):")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One version of a mutable item, as it is stored.

    `public_key`: whose it is, 32 bytes. `seq`: which version, 0 to 2**63 - 1; a higher one replaces a lower
    one. `encoded`: the value, bencoded, at most 1000 bytes. `signature`: 64 bytes, of `message`. `salt`:
    which of its publisher's items, at most 64 bytes.
    """

    public_key: bytes
    seq: int
    encoded: bytes
    signature: bytes
    salt: bytes = b""

    @classmethod
    def signed(cls, identity: Identity, encoded: bytes, *, seq: int, salt: bytes = b"") -> Item:
        """A version signed by its publisher. `encoded`: the value, bencoded. Raises InvalidItem."""
        check_encoded(encoded)
        check_salt(salt)
        check_seq(seq)
        signature = identity.sign(signed_message(encoded, seq, salt))
        return cls(
            public_key=identity.public_key, seq=seq, encoded=bytes(encoded), signature=signature, salt=salt
        )

    @property
    def value(self) -> bytes:
        """The value: the content of the byte string that it is.

        Where its publisher stored something else (`is_bytes` is false), the bencoding of that, as it is.
        """
        content = string_content(self.encoded)
        return self.encoded if content is None else content

    @property
    def is_bytes(self) -> bool:
        """Whether the value is a byte string, as everything that Bitboot publishes is."""
        return string_content(self.encoded) is not None

    @property
    def message(self) -> bytes:
        """What is signed (BEP 44, "Signature Verification")."""
        return signed_message(self.encoded, self.seq, self.salt)

    @property
    def target(self) -> bytes:
        """Where it is stored: 20 bytes."""
        return mutable_target(self.public_key, self.salt)

    @property
    def version(self) -> tuple[int, bytes]:
        """What versions are compared by: of two that have one number the same is the newer one everywhere."""
        return self.seq, self.encoded

    def is_genuine(self) -> bool:
        """Whether the signature holds. Raises LibraryMissing where `cryptography` is not installed."""
        from .identity import verify  # noqa: PLC0415 - who reads no mutable items needs no library

        return verify(self.public_key, self.message, self.signature)


def signed_message(encoded: bytes, seq: int, salt: bytes) -> bytes:
    """What is signed of a mutable item (BEP 44, "Signature Verification")."""
    prefix = b"4:salt%d:%b" % (len(salt), salt) if salt else b""
    return b"%b3:seqi%de1:v%b" % (prefix, seq, encoded)


def mutable_target(public_key: bytes, salt: bytes = b"") -> bytes:
    """Where a mutable item is stored: the SHA-1 of the key and the salt, 20 bytes."""
    return _sha1(public_key + salt)


def immutable_target(encoded: bytes) -> bytes:
    """Where an immutable item is stored: the SHA-1 of its value, bencoded. 20 bytes."""
    return _sha1(encoded)


def _sha1(data: bytes) -> bytes:
    import hashlib  # noqa: PLC0415 - many programs use no items

    return hashlib.sha1(data, usedforsecurity=False).digest()


def byte_string(value: bytes) -> bytes:
    """Bytes as they are stored: a bencoded byte string. Raises InvalidItem for what does not fit."""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise InvalidItem(f"a value of type {type(value).__name__} cannot be stored", hint="give bytes")
    value = bytes(value)
    if len(value) > MAX_BYTES:
        raise InvalidItem(
            f"a value of {len(value)} bytes cannot be stored: nodes keep at most {MAX_BYTES}",
            hint="store it in parts, or store where it can be had",
        )
    return b"%d:%b" % (len(value), value)


def string_content(encoded: bytes) -> bytes | None:
    """The content of a bencoded byte string; None where it is something else."""
    start = _STRING.match(encoded)
    if start is None or len(encoded) != start.end() + int(start[1]):
        return None
    return encoded[start.end() :]


def check_encoded(encoded: bytes) -> None:
    """Raise InvalidItem for what no node would store."""
    if not isinstance(encoded, bytes) or not 0 < len(encoded) <= MAX_ENCODED:
        raise InvalidItem(
            "this is not a bencoded value that can be stored", hint=f"1 to {MAX_ENCODED} bytes of it"
        )


def check_salt(salt: bytes) -> None:
    """Raise InvalidItem for what is no salt."""
    if not isinstance(salt, bytes):
        raise InvalidItem(f"a salt of type {type(salt).__name__} cannot be used", hint="give bytes")
    if len(salt) > MAX_SALT:
        raise InvalidItem(
            f"a salt of {len(salt)} bytes cannot be used: the most are {MAX_SALT}", hint="use a hash of it"
        )


def check_seq(seq: int) -> None:
    """Raise InvalidItem for what is no sequence number."""
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq <= MAX_SEQ:
        raise InvalidItem(f"{seq!r:.60} is not a sequence number", hint="a whole number, 0 to 2**63 - 1")


def check_public_key(public_key: bytes) -> None:
    """Raise InvalidItem for what is no public key."""
    if not isinstance(public_key, bytes) or len(public_key) != KEY_BYTES:
        raise InvalidItem("this is not a public key", hint=f"{KEY_BYTES} bytes, as Identity.public_key")


def check_target(target: bytes) -> None:
    """Raise InvalidItem for what is no target."""
    if not isinstance(target, bytes) or len(target) != TARGET_BYTES:
        raise InvalidItem(
            "this is not the target of an item", hint=f"{TARGET_BYTES} bytes, as put_item gives"
        )
