"""How many parts a datagram has, told without reading it: one of many takes long to read."""

from __future__ import annotations

from typing import Final

from . import bencode

MAX_PARTS: Final = 256
"""A query of so many strings, numbers, lists and dictionaries is refused: it takes long to read."""


def has_few_parts(datagram: bytes) -> bool:
    """Whether a datagram is quick to read, without reading it: each part has a ":" or an "e"."""
    return datagram.count(b":") + datagram.count(b"e") <= MAX_PARTS or _are_few(datagram)


def _are_few(datagram: bytes) -> bool:
    """The same, exactly: a long string, such as a request's payload, may be full of both."""
    position, end = 0, len(datagram)
    for _ in range(MAX_PARTS):
        if position >= end:
            return True
        kind = datagram[position : position + 1]
        if kind.isdigit():
            colon = datagram.find(b":", position, position + bencode.MAX_LENGTH_DIGITS + 1)
            if colon < 0 or not datagram[position:colon].isdigit():
                return True  # no bencoding: reading it ends here too
            position = colon + 1 + int(datagram[position:colon])
        elif kind == b"i":
            position = datagram.find(b"e", position) + 1 or end
        else:
            position += 1
    return position >= end
