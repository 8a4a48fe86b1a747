"""The keys that swarms live under: derived from names, or given as they are."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, total_ordering

from ..aio.logs import logger
from ..errors import InvalidSwarmName
from ..model import KEY_BYTES

__all__ = ["SwarmKey", "swarm_key"]

log = logger(__name__)


@total_ordering
@dataclass(frozen=True, slots=True)
class SwarmKey:
    """A swarm's raw key, 20 bytes, in place of a name: such as a torrent's info-hash.

    Wherever a swarm's name is taken, a SwarmKey is too. Raises InvalidSwarmName for anything but 20 bytes.
    """

    value: bytes

    def __post_init__(self) -> None:
        if not isinstance(self.value, bytes) or len(self.value) != KEY_BYTES:
            raise InvalidSwarmName(
                f"{self.value!r:.60} is not a swarm's key",
                hint="20 bytes; SwarmKey.parse() reads text",
            )

    @classmethod
    def parse(cls, text: str) -> SwarmKey:
        """Read a key from 40 hexadecimal digits, 32 base32 characters, or a magnet link.

        Of a magnet link that is its info-hash, `xt=urn:btih:...` (BEP 9); of one with a version 2 hash alone
        (`urn:btmh:1220...`, BEP 52) that hash's first 20 bytes, as the DHT knows it. Raises InvalidSwarmName.
        """
        if isinstance(text, str):
            key = _from_magnet(text) if text.lower().startswith("magnet:") else _from_digits(text)
            if key is not None:
                return cls(key)
        raise InvalidSwarmName(
            f"{text!r:.80} is not a swarm's key",
            hint="write it as 40 hexadecimal digits, or give a magnet link: magnet:?xt=urn:btih:...",
        )

    def __lt__(self, other: SwarmKey) -> bool:
        return self.value < other.value if isinstance(other, SwarmKey) else NotImplemented

    def __str__(self) -> str:
        return self.value.hex()


SwarmName = str | SwarmKey
"""What tells which swarm is meant."""

SwarmNames = SwarmName | Iterable[SwarmName]
"""One swarm or several."""


def swarm_key(swarm: SwarmName) -> bytes:
    """A swarm's key, 20 bytes: a SwarmKey's own, or SHA-1 of the name's UTF-8 bytes, as BitBoot derived it.

    The key is that of the name as it is given. Two spellings of the same letters ("é" as one character or
    as two) are two swarms, so a name that is not in Unicode's normal form C is warned of, once.

    Raises InvalidSwarmName for an empty name, or one that is not text.
    """
    if isinstance(swarm, SwarmKey):
        return swarm.value
    name = swarm
    if not isinstance(name, str):
        raise InvalidSwarmName(
            f"a swarm's name must be text, not {type(name).__name__}",
            hint="for a raw key of 20 bytes write SwarmKey(...)",
        )
    if not name:
        raise InvalidSwarmName(
            "a swarm's name must not be empty",
            hint='choose one that nobody else uses, such as "my-app/v1/lobby"',
        )
    try:
        encoded = name.encode()
    except UnicodeEncodeError as error:
        raise InvalidSwarmName(f"a swarm's name must be valid Unicode: {error.reason}") from error
    if not name.isascii():
        _warn_of_spelling(name)
    return sha1(encoded)


def sha1(content: bytes) -> bytes:
    """The SHA-1 digest of `content`, 20 bytes: what keys are made of, and no secret."""
    import hashlib  # noqa: PLC0415 - loads OpenSSL, for which a program that starts need not wait

    return hashlib.sha1(content, usedforsecurity=False).digest()


@lru_cache(maxsize=1024)  # once a name
def _warn_of_spelling(name: str) -> None:
    import unicodedata  # noqa: PLC0415 - most names are ASCII

    normal = unicodedata.normalize("NFC", name)
    if normal != name:
        log.warning(
            "swarm name %s is not in Unicode's normal form C: whoever writes it as %s is in another swarm",
            ascii(name),
            ascii(normal),
        )


def looks_like_key(name: str) -> bool:
    """Whether a swarm's name is written as a key, and whoever gave it may have meant that key."""
    return name.lower().startswith("magnet:?") or re.fullmatch(_HEX, name) is not None


_HEX = r"(?ai)[0-9a-f]{40}"
_BASE32 = r"(?ai)[a-z2-7]{32}"
_SHA2_256 = bytes([0x12, 0x20])  # multihash: SHA2-256, 32 bytes


def _from_digits(text: str) -> bytes | None:
    if re.fullmatch(_HEX, text):
        return bytes.fromhex(text)
    return base64.b32decode(text.upper()) if re.fullmatch(_BASE32, text) else None


def _from_magnet(link: str) -> bytes | None:
    from urllib.parse import parse_qs, urlsplit  # noqa: PLC0415 - most programs read no link

    topics = parse_qs(urlsplit(link).query).get("xt", [])
    for topic in topics:
        if topic.lower().startswith("urn:btih:"):
            return _from_digits(topic[9:])
    for topic in topics:
        if topic.lower().startswith("urn:btmh:"):
            try:
                multihash = binascii.unhexlify(topic[9:])
            except ValueError:
                return None
            if multihash.startswith(_SHA2_256) and len(multihash) == 34:
                return multihash[2 : 2 + KEY_BYTES]
    return None
