"""The handshake Noise_XXpsk0_25519_ChaChaPoly_SHA256 (the Noise Protocol Framework, revision 34).

Only what that pattern needs: the tokens e, s, ee, es, se and psk. The primitives are those of the library
`cryptography`, imported with this module: nobody imports it before a private swarm is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NAME = b"Noise_XXpsk0_25519_ChaChaPoly_SHA256"
XX_PSK0 = ("psk e", "e ee s es", "s se")
"""The tokens of each message, the initiator's first (sections 7.5 and 9)."""

KEY = 32
"""Bytes of a public key."""

TAG = 16
"""Bytes that sealing adds."""


_SHA256 = SHA256()


class NoiseError(Exception):
    """A message that does not belong to the handshake."""


class CipherState:
    """A key, with or without the counter that Noise keeps (section 5.1)."""

    __slots__ = ("_key", "_made", "counter")

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._made: ChaCha20Poly1305 | None = None
        self.counter: int = 0

    def _cipher(self) -> ChaCha20Poly1305:
        """Made when it is first needed: some keys of a handshake are mixed on unused."""
        self._made = ChaCha20Poly1305(self._key)
        return self._made

    def encrypt(self, ad: bytes, plain: bytes) -> bytes:
        """Seal under the next counter."""
        self.counter += 1
        return self.encrypt_at(self.counter - 1, ad, plain)

    def decrypt(self, ad: bytes, sealed: bytes) -> bytes:
        """Open what was sealed under the next counter. Raises NoiseError, and then does not count."""
        plain = self.decrypt_at(self.counter, ad, sealed)
        self.counter += 1
        return plain

    def encrypt_at(self, counter: int, ad: bytes, plain: bytes) -> bytes:
        """Seal under a counter of 64 bits."""
        return (self._made or self._cipher()).encrypt(_nonce(counter), plain, ad)

    def decrypt_at(self, counter: int, ad: bytes, sealed: bytes) -> bytes:
        """Open. Raises NoiseError."""
        try:
            return (self._made or self._cipher()).decrypt(_nonce(counter), sealed, ad)
        except (InvalidTag, ValueError):
            raise NoiseError("it does not open") from None

    def copy(self) -> CipherState:
        """One that counts for itself."""
        twin = CipherState.__new__(CipherState)
        twin._key, twin._made, twin.counter = self._key, self._made, self.counter
        return twin


class SymmetricState:
    """The chaining key and the hash of all that was said (section 5.2)."""

    __slots__ = ("_chaining_key", "_cipher", "hash")

    def __init__(self, name: bytes, prologue: bytes) -> None:
        self.hash: bytes = name.ljust(32, b"\0") if len(name) <= 32 else hashlib.sha256(name).digest()
        self._chaining_key = self.hash
        self._cipher: CipherState | None = None
        self.mix_hash(prologue)

    def copy(self) -> Self:
        """The same, to go on from twice."""
        twin = type(self).__new__(type(self))
        twin.hash, twin._chaining_key = self.hash, self._chaining_key
        twin._cipher = None if self._cipher is None else self._cipher.copy()
        return twin

    def mix_hash(self, data: bytes) -> None:
        self.hash = hashlib.sha256(self.hash + data).digest()

    def mix_key(self, material: bytes) -> None:
        derived = _hkdf(self._chaining_key, material, 2)
        self._chaining_key, self._cipher = derived[:KEY], CipherState(derived[KEY:])

    def mix_key_and_hash(self, material: bytes) -> None:
        derived = _hkdf(self._chaining_key, material, 3)
        self._chaining_key, self._cipher = derived[:KEY], CipherState(derived[2 * KEY :])
        self.mix_hash(derived[KEY : 2 * KEY])

    def seal(self, plain: bytes) -> bytes:
        sealed = plain if self._cipher is None else self._cipher.encrypt(self.hash, plain)
        self.mix_hash(sealed)
        return sealed

    def open(self, sealed: bytes) -> bytes:
        plain = sealed if self._cipher is None else self._cipher.decrypt(self.hash, sealed)
        self.mix_hash(sealed)
        return plain

    @property
    def is_sealing(self) -> bool:
        """Whether there is a key yet."""
        return self._cipher is not None

    def split(self) -> tuple[CipherState, CipherState]:
        """The initiator's key to send with, then the responder's."""
        derived = _hkdf(self._chaining_key, b"", 2)
        return CipherState(derived[:KEY]), CipherState(derived[KEY:])


class Handshake:
    """One side of a handshake (section 5.3). After a NoiseError it is of no use any more."""

    def __init__(
        self,
        *,
        initiates: bool,
        static: X25519PrivateKey | None,
        prologue: bytes = b"",
        psks: Sequence[bytes] = (),
        ephemeral: X25519PrivateKey | None = None,
        name: bytes = NAME,
        pattern: Sequence[str] = XX_PSK0,
    ) -> None:
        """`ephemeral`: a new one unless a test says which. `psks`: one for each token psk, in order."""
        self._state = SymmetricState(name, prologue)
        self.initiates: bool = initiates
        self._static, self._ephemeral = static, ephemeral
        self.own_static: bytes | None = None if static is None else static.public_key().public_bytes_raw()
        """Our own public key."""
        self._psks = tuple(psks)
        self._has_psk = bool(psks)
        self._pattern = tuple(message.split() for message in pattern)
        self._said = 0
        self._their_ephemeral: X25519PublicKey | None = None
        self.their_static: bytes | None = None
        """The other side's public key, once it has told."""

    def copy(self) -> Handshake:
        """The same, to try a message on that may be none of this handshake's."""
        twin = Handshake.__new__(Handshake)
        twin.__dict__.update(self.__dict__, _state=self._state.copy())
        return twin

    def skip_psk(self) -> None:
        """Do what the first message's psk asks for, so that copies need not. Only before any message."""
        self._psk()
        self._pattern = ([*self._pattern[0][1:]], *self._pattern[1:])

    @property
    def hash(self) -> bytes:
        """What both sides have at the end, and nobody else (section 11.2)."""
        return self._state.hash

    def write(self, payload: bytes) -> bytes:
        """The next message, which is ours."""
        parts = []
        for token in self._next():
            if token == "e":
                if self._ephemeral is None:
                    self._ephemeral = X25519PrivateKey.generate()
                public = self._ephemeral.public_key().public_bytes_raw()
                parts.append(public)
                self._mix_ephemeral(public)
            elif token == "s":
                assert self.own_static is not None
                parts.append(self._state.seal(self.own_static))
            else:
                self._mix(token)
        return b"".join([*parts, self._state.seal(payload)])

    def read(self, message: bytes) -> bytes:
        """The payload of the next message, which is theirs. Raises NoiseError."""
        rest = message
        for token in self._next():
            if token == "e":
                public, rest = _cut(rest, KEY)
                self._their_ephemeral = X25519PublicKey.from_public_bytes(public)
                self._mix_ephemeral(public)
            elif token == "s":
                sealed, rest = _cut(rest, KEY + (TAG if self._state.is_sealing else 0))
                self.their_static = self._state.open(sealed)
            else:
                self._mix(token)
        return self._state.open(rest)

    def split(self) -> tuple[CipherState, CipherState]:
        """What to send with, and what to open what comes with."""
        first, second = self._state.split()
        return (first, second) if self.initiates else (second, first)

    # Inside

    def _next(self) -> list[str]:
        tokens = self._pattern[self._said]
        self._said += 1
        return tokens

    def _psk(self) -> None:
        psk, *rest = self._psks
        self._psks = tuple(rest)
        self._state.mix_key_and_hash(psk)

    def _mix_ephemeral(self, public: bytes) -> None:
        self._state.mix_hash(public)
        if self._has_psk:
            self._state.mix_key(public)

    def _mix(self, token: str) -> None:
        """Mix in what a token stands for: "es" is the initiator's e and the responder's s."""
        if token == "psk":
            self._psk()
            return
        ours, theirs = (token[0], token[1]) if self.initiates else (token[1], token[0])
        private = self._ephemeral if ours == "e" else self._static
        if theirs == "e":
            public = self._their_ephemeral
        else:
            assert self.their_static is not None
            public = X25519PublicKey.from_public_bytes(self.their_static)
        assert private is not None
        assert public is not None
        try:
            self._state.mix_key(private.exchange(public))
        except ValueError:  # a key that gives zeros, whatever ours is (RFC 7748, section 6.1)
            raise NoiseError("this is no key") from None


def _hkdf(chaining_key: bytes, material: bytes, outputs: int) -> bytes:
    """Section 4.3: so many outputs of 32 bytes, one after another. RFC 5869 with nothing as info."""
    return HKDF(_SHA256, KEY * outputs, chaining_key, b"").derive(material)


_FIRST_NONCES = tuple(bytes(4) + counter.to_bytes(8, "little") for counter in range(4))
"""Those of a handshake."""


def _nonce(counter: int) -> bytes:
    return _FIRST_NONCES[counter] if counter < 4 else bytes(4) + counter.to_bytes(8, "little")


def _cut(data: bytes, length: int) -> tuple[bytes, bytes]:
    if len(data) < length:
        raise NoiseError("it is too short")
    return data[:length], data[length:]
