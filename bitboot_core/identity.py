"""`Identity`: a key pair that tells who somebody is, whatever the address: Ed25519 (RFC 8032).

On the library `cryptography`, which the extras `private` and `items` bring. It is imported when an
identity is first made or a signature first looked at; where it is missing, LibraryMissing says so.
"""

from __future__ import annotations

import base64
import hashlib
import os
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ._optional import needed
from .errors import InvalidConfig

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed25519

__all__ = ["Identity", "fingerprint", "verify"]

SEED_BYTES = 32
_FORMAT = "bitboot-identity-1"
_MAX_BYTES = 1024
"""A file that is larger than this is not one of ours."""


class Identity:
    """An Ed25519 key pair (RFC 8032).

    `Identity.generate()` makes one that is kept nowhere, `Identity.load(path)` reads one from a file and
    makes the file where it is missing, `Identity.from_seed(seed)` has it from 32 secret bytes. Each
    raises LibraryMissing where the library `cryptography` is not installed. Two are equal when their public
    keys are. Nothing shows the secret.
    """

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        """`key`: a private key of the library `cryptography`."""
        self._key = key
        self.public_key: bytes = key.public_key().public_bytes_raw()
        """What others know it by: 32 bytes."""

    @classmethod
    def generate(cls) -> Identity:
        """A new identity, kept nowhere."""
        return cls.from_seed(os.urandom(SEED_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> Identity:
        """The identity of a secret seed, 32 bytes: what RFC 8032 calls the private key.

        Raises InvalidConfig for anything else.
        """
        if not isinstance(seed, bytes) or len(seed) != SEED_BYTES:
            raise InvalidConfig("this is not the seed of an identity", hint="give 32 random bytes")
        with needed("cryptography", "private", "identities"):
            from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
        return cls(ed25519.Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, make: bool = True) -> Identity:
        """Read the identity in a file. Blocks.

        Where there is no such file, `make` has a new identity written to it, which only this user may read
        (mode 0600, in a folder of mode 0700 where that is missing too). Of programs that do so at the same
        time all get the same one. Raises InvalidConfig where the file is missing and `make` is False, where
        it holds no identity, and where it cannot be read or written.
        """
        file = Path(path)
        try:
            content = _read(file)
            if content is None and make:
                _write_new(file, f"{_FORMAT}\n{os.urandom(SEED_BYTES).hex()}\n")
                content = _read(file)
        except OSError as error:
            raise InvalidConfig(
                f"the identity in {file} cannot be used: {error.strerror or error}",
                hint="look at the permissions of the file and its folder, or name another file",
            ) from error
        if content is None:
            raise InvalidConfig(
                f"there is no identity in {file}",
                hint=f"make one: `bitboot identity --new --key-file {file}`",
            )
        return cls.from_seed(_seed_of(content, file))

    def sign(self, message: bytes) -> bytes:
        """The signature of a message: 64 bytes."""
        return self._key.sign(message)

    @property
    def fingerprint(self) -> str:
        """`fingerprint` of its public key."""
        return fingerprint(self.public_key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and other.public_key == self.public_key

    def __hash__(self) -> int:
        return hash(self.public_key)

    def __repr__(self) -> str:
        return f"<Identity {self.fingerprint}>"


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is that of `message` by the identity with this public key (RFC 8032).

    False too where the key or the signature has another length. Raises LibraryMissing where the library
    `cryptography` is not installed.
    """
    public, invalid = _verifying()
    try:
        public.from_public_bytes(public_key).verify(signature, message)
    except (invalid, ValueError):
        return False
    return True


@cache
def _verifying() -> tuple[type[ed25519.Ed25519PublicKey], type[Exception]]:
    """What verifies, and what it raises where a signature does not hold. Raises LibraryMissing."""
    with needed("cryptography", "private", "signatures"):
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
    return ed25519.Ed25519PublicKey, InvalidSignature


def fingerprint(public_key: bytes) -> str:
    """A public key as people compare it: 80 bits of its SHA-256 in base32, "3kq7-wpxa-m2ne-54ht"."""
    text = base64.b32encode(hashlib.sha256(public_key).digest()[:10]).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _read(file: Path) -> bytes | None:
    """The beginning of a file, None where there is none. Raises OSError."""
    try:
        with file.open("rb") as opened:
            return opened.read(_MAX_BYTES)
    except FileNotFoundError:
        return None


def _seed_of(content: bytes, file: Path) -> bytes:
    lines = content.decode("ascii", "replace").split()
    if len(lines) == 2 and lines[0] == _FORMAT:
        with suppress(ValueError):
            seed = bytes.fromhex(lines[1])
            if len(seed) == SEED_BYTES:
                return seed
    raise InvalidConfig(
        f"{file} holds no identity", hint="restore it from a copy, or delete it and be somebody new"
    )


def _write_new(file: Path, text: str) -> None:
    """Write a file that only this user may read, whole or not at all. One that is there meanwhile stays."""
    import tempfile  # noqa: PLC0415 - brings the archive formats along

    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(".tmp", f"{file.name}-", file.parent)  # with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(temporary, file)
        except FileExistsError:
            return
        except OSError:  # a file system without links
            if not file.exists():
                os.replace(temporary, file)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
