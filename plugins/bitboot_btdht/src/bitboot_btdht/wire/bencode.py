"""Bencoding (BEP 3), as the DHT's real nodes speak it: strict when writing, forgiving when reading.

Why not a library: the well-kept ones (bencode2, fastbencode) refuse whole messages for unsorted
keys, repeated keys or trailing bytes, which nodes in the field send and other clients accept; and
bencode2 crashed on a nested datagram in a thread with a small stack. They would save 4 microseconds
on a query and up to 16 on a long reply. One decoder in plain Python, its depth and its numbers
bounded, is worth more here. `python benchmarks/bencode.py` shows what each refuses and costs.

Decoded strings are `bytes`; a dictionary's keys are too. Of repeated keys the last one counts.
"""

from __future__ import annotations

from typing import Any, Final

MAX_DEPTH: Final = 10
"""Lists and dictionaries nested deeper than this are refused: KRPC needs 3, an item (BEP 44) some more."""

MAX_INT_DIGITS: Final = 20
"""Integers longer than a signed 64-bit one are refused."""

MAX_LENGTH_DIGITS: Final = 5
"""Strings are shorter than 100,000 bytes: a datagram is."""

_D: Final = ord("d")
_E: Final = ord("e")
_I: Final = ord("i")
_L: Final = ord("l")
_COLON: Final = ord(":")
_ZERO: Final = ord("0")
_NINE: Final = ord("9")


class BencodeError(ValueError):
    """The bytes are not bencoded, or nested too deep."""


def encode(value: Any) -> bytes:
    """Bencode bytes, ints, lists and dicts with bytes for keys, these in the order of their keys."""
    parts: list[bytes] = []
    _encode(value, parts)
    return b"".join(parts)


def _encode(value: Any, parts: list[bytes]) -> None:
    if isinstance(value, bytes):
        parts.append(_length(value))
        parts.append(value)
    elif isinstance(value, int):
        parts.append(b"i%de" % value)
    elif isinstance(value, dict):
        parts.append(b"d")
        for key in sorted(value):
            item = value[key]
            if isinstance(item, bytes):  # nearly all are
                parts += (_length(key), key, _length(item), item)
            else:
                parts += (_length(key), key)
                _encode(item, parts)
        parts.append(b"e")
    else:
        parts.append(b"l")
        for item in value:
            _encode(item, parts)
        parts.append(b"e")


LENGTHS: Final = [b"%d:" % length for length in range(1_000)]
"""What stands before strings of these lengths, which nearly all have: formatting it takes longer."""


def _length(string: bytes) -> bytes:
    length = len(string)
    return LENGTHS[length] if length < len(LENGTHS) else b"%d:" % length


def decode(data: bytes) -> Any:
    """The first bencoded value in `data`; whatever follows it is ignored.

    Raises BencodeError, and nothing else, for anything that is not one.
    """
    try:
        return _decode(data)
    except (IndexError, ValueError) as error:
        if isinstance(error, BencodeError):
            raise
        raise BencodeError("cut short, or not bencoded") from error


def _decode(data: bytes) -> Any:  # noqa: PLR0912, PLR0915 - one scan, on the hot path: no call and no tuple per value
    pos, end_of_data = 0, len(data)
    # What is being filled: a list, or a dictionary and the key that waits for its value.
    items: list[Any] | None = None
    entries: dict[bytes, Any] | None = None
    key: bytes | None = None
    outer: list[tuple[list[Any] | None, dict[bytes, Any] | None, bytes | None]] = []
    value: Any
    while True:
        kind = data[pos]
        if _ZERO <= kind <= _NINE:
            # Lengths of one digit, as most are, and of two, as ids have, are quickest read as they stand.
            second = data[pos + 1]
            if second == _COLON:
                start = pos + 2
                pos = start + kind - _ZERO
            elif data[pos + 2] == _COLON and _ZERO <= second <= _NINE:
                start = pos + 3
                pos = start + 10 * (kind - _ZERO) + second - _ZERO
            else:
                colon = data.index(b":", pos, pos + MAX_LENGTH_DIGITS + 1)
                digits = data[pos:colon]
                if not digits.isdigit():
                    raise BencodeError("not a length")
                start = colon + 1
                pos = start + int(digits)
            if pos > end_of_data:
                raise BencodeError("cut short")
            if entries is not None and key is None:
                key = data[start:pos]
                continue
            value = data[start:pos]
        elif kind in (_D, _L):
            if len(outer) == MAX_DEPTH:
                raise BencodeError("nested too deep")
            outer.append((items, entries, key))
            items, entries, key = (None, {}, None) if kind == _D else ([], None, None)
            pos += 1
            continue
        elif kind == _E and outer and key is None:
            value = entries if items is None else items
            items, entries, key = outer.pop()
            pos += 1
        elif kind == _I:
            end = data.index(b"e", pos, pos + MAX_INT_DIGITS + 3)
            digits = data[pos + 1 : end]
            if not digits.removeprefix(b"-").isdigit():
                raise BencodeError("not a number")
            value, pos = int(digits), end + 1
        else:
            raise BencodeError("not bencoded")
        if entries is not None:
            if key is None:
                raise BencodeError("a key that is no string")
            entries[key] = value
            key = None
        elif items is not None:
            items.append(value)
        else:
            return value
