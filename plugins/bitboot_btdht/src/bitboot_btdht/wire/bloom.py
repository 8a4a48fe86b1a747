"""The Bloom filters that tell how large a swarm is (BEP 33, "Bloom Filters"): 2,048 bits, two for each IP."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable

BYTES = 256
BITS = 8 * BYTES
HASHES = 2


def bloom(ips: Iterable[bytes]) -> int:
    """The filter of these IP addresses (4 or 16 bytes each, without ports), as a number for `packed`."""
    filled = 0
    for ip in ips:
        filled |= bits_of(ip)
    return filled


def bits_of(ip: bytes) -> int:
    """The bits that one IP address sets."""
    digest = hashlib.sha1(ip, usedforsecurity=False).digest()
    first = (digest[0] | digest[1] << 8) % BITS
    second = (digest[2] | digest[3] << 8) % BITS
    return 1 << first | 1 << second


def packed(filled: int) -> bytes:
    """A filter as it goes over the wire: bit n is bit n % 8 of byte n // 8."""
    return filled.to_bytes(BYTES, "little")


def unpacked(data: object) -> int | None:
    """A filter from a message; None where that is none."""
    return int.from_bytes(data, "little") if isinstance(data, bytes) and len(data) == BYTES else None


def estimate(filled: int) -> float:
    """How many addresses are in a filter (BEP 33, "Calculating the estimate"); 0.0 in an empty one.

    A full one gives some 7,800. Beyond 6,000 it is of no use, and no node is to let it come to that.
    """
    if not filled:
        return 0.0
    zeros = min(max(BITS - filled.bit_count(), 1), BITS - 1)
    return math.log(zeros / BITS) / (HASHES * math.log(1 - 1 / BITS))
