"""What replies to `get` tell of an item (BEP 44): believed where the hash or the signature holds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

from bitboot_core.items import (
    MAX_ENCODED,
    MAX_SEQ,
    SIGNATURE_BYTES,
    Item,
    immutable_target,
    mutable_target,
)

from ..wire import bencode

Verify: TypeAlias = Callable[[bytes, bytes, bytes], bool]
"""Whether a signature is good: `verify(public_key, message, signature)`."""


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """`bitboot_core.identity.verify`, imported when it is first used: most nodes start without it."""
    from bitboot_core import identity  # noqa: PLC0415

    return identity.verify(public_key, message, signature)


class Found(ABC):
    """What a lookup of one item has found so far, all nodes together."""

    def __init__(self, target: bytes) -> None:
        self.target: bytes = target
        self.invalid: int = 0
        """How many replies told of something that is not what was asked for."""

    @property
    @abstractmethod
    def is_final(self) -> bool:
        """Whether no reply could tell more."""

    def heard(self, values: dict[bytes, Any]) -> None:
        """A node has replied."""
        if b"v" not in values:
            return
        encoded = bencode.encode(values[b"v"])
        if not self._take(encoded, values):
            self.invalid += 1

    @abstractmethod
    def _take(self, encoded: bytes, values: dict[bytes, Any]) -> bool:
        """Take a value where it is what was asked for."""


class ImmutableFound(Found):
    """An immutable item. `encoded`: its value, bencoded, once it is known."""

    def __init__(self, target: bytes, encoded: bytes | None = None) -> None:
        super().__init__(target)
        self.encoded = encoded

    @property
    def is_final(self) -> bool:
        """It has one value."""
        return self.encoded is not None

    def _take(self, encoded: bytes, values: dict[bytes, Any]) -> bool:
        if immutable_target(encoded) != self.target:
            return False
        self.encoded = encoded
        return True


class MutableFound(Found):
    """A mutable item. `newest`: the newest version of those whose signature holds."""

    def __init__(self, public_key: bytes, salt: bytes, verify: Verify, newest: Item | None = None) -> None:
        super().__init__(mutable_target(public_key, salt))
        self.newest = newest
        self._public_key = public_key
        self._salt = salt
        self._verify = verify

    @property
    def is_final(self) -> bool:
        """Another node may have a newer version."""
        return False

    def _take(self, encoded: bytes, values: dict[bytes, Any]) -> bool:
        seq, signature = values.get(b"seq"), values.get(b"sig")
        if (
            values.get(b"k") != self._public_key
            or not isinstance(seq, int)
            or not 0 <= seq <= MAX_SEQ
            or not isinstance(signature, bytes)
            or len(signature) != SIGNATURE_BYTES
            or len(encoded) > MAX_ENCODED
        ):
            return False
        item = Item(
            public_key=self._public_key, seq=seq, encoded=encoded, signature=signature, salt=self._salt
        )
        # A signature takes long to check: those of versions that would not count are not.
        if self.newest is not None and item.version <= self.newest.version:
            return True
        if not self._verify(item.public_key, item.message, item.signature):
            return False
        self.newest = item
        return True
