"""Node ids: random ones, ones that fit an external address (BEP 42), and how far they are apart."""

from __future__ import annotations

import random
from typing import Final

from .compact import Address, is_public

ID_BYTES: Final = 20
ID_BITS: Final = 160

as_number: Final = int.from_bytes
"""An id as a number. Bound once: looked up in `int` each time, it takes compiled code twice as long."""

_V6_MASK = 0x0103070F1F3F7FFF


def random_id(rng: random.Random) -> bytes:
    """20 random bytes (BEP 5: ids are chosen at random from the space of info-hashes)."""
    return rng.getrandbits(ID_BITS).to_bytes(ID_BYTES, "big")


def distance(a: bytes, b: bytes) -> int:
    """XOR, read as an unsigned integer (BEP 5, "Overview")."""
    return as_number(a) ^ as_number(b)


def common_prefix(a: bytes, b: bytes) -> int:
    """How many leading bits `a` and `b` share: 0 to 160."""
    return ID_BITS - distance(a, b).bit_length()


def id_for(ip: bytes, rng: random.Random) -> bytes:
    """An id that fits the external `ip` (4 or 16 bytes), by BEP 42."""
    last = rng.getrandbits(8)
    prefix = _prefix(ip, last & 7)
    middle = rng.getrandbits(8) & 7
    head = bytes((prefix >> 13, (prefix >> 5) & 0xFF, (prefix & 0x1F) << 3 | middle))
    return head + rng.getrandbits(128).to_bytes(16, "big") + bytes((last,))


def fits(node_id: bytes, address: Address) -> bool:
    """Whether `node_id` may be used at `address` (BEP 42). Local addresses are exempt."""
    if not is_public(address):
        return True
    prefix = node_id[0] << 13 | node_id[1] << 5 | node_id[2] >> 3
    return prefix == _prefix(address[:-2], node_id[19] & 7)


def _prefix(ip: bytes, r: int) -> int:
    """With which 21 bits an id begins: the first ones of the checksum."""
    if len(ip) == 4:
        near = _THIRD[ip[2] & 0x3F] ^ _FOURTH[ip[3]]
        return _FIRST[(ip[0] & 0x03) | (r << 5)] ^ _SECOND[ip[1] & 0x0F] ^ near
    masked = (int.from_bytes(ip[:8], "big") & _V6_MASK) | (r << 61)
    return crc32c(masked.to_bytes(8, "big")) >> 11


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
        rows.append(crc)
    return tuple(rows)


_CRC_TABLE: Final = _table()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), which BEP 42 asks for and the standard library lacks."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def _before_a_zero(parts: tuple[int, ...]) -> tuple[int, ...]:
    """What bytes add to a checksum where one more, of zero, follows."""
    return tuple((part >> 8) ^ _CRC_TABLE[part & 0xFF] for part in parts)


def _first_bits(parts: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(part >> 11 for part in parts)


_THIRD_OF_FOUR: Final = _before_a_zero(_CRC_TABLE)
_SECOND_OF_FOUR: Final = _before_a_zero(_THIRD_OF_FOUR)
_FIRST_OF_FOUR: Final = tuple(part ^ crc32c(bytes(4)) for part in _before_a_zero(_SECOND_OF_FOUR))

# What each byte of an IPv4 address adds to its checksum: that is the XOR of these, in a fifth of the time.
# The first 21 bits, which are all that matter: larger numbers take longer.
_FOURTH: Final = _first_bits(_CRC_TABLE)
_THIRD: Final = _first_bits(_THIRD_OF_FOUR)
_SECOND: Final = _first_bits(_SECOND_OF_FOUR)
_FIRST: Final = _first_bits(_FIRST_OF_FOUR)
