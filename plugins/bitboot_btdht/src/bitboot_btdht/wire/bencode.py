"""Bencoding (BEP 3), as the DHT's real nodes speak it: strict when writing, forgiving when reading.

Why not a library: the well-kept ones (bencode2, fastbencode) refuse whole messages for unsorted
keys, repeated keys or trailing bytes, which nodes in the field send and other clients accept; and
bencode2 crashed on a nested datagram in a thread with a small stack. They would save 4 microseconds
on a query and up to 16 on a long reply. One decoder in plain Python, its depth and its numbers
bounded, is worth more here. `python benchmarks/bencode.py` shows what each refuses and costs.

Decoded strings are `bytes`; a dictionary's keys are too. Of repeated keys the last one counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MAX_DEPTH = 10
"""Lists and dictionaries nested deeper than this are refused: KRPC needs 3, an item (BEP 44) some more."""

MAX_INT_DIGITS = 20
"""Integers longer than a signed 64-bit one are refused."""

_D, _E, _I, _L, _COLON, _ZERO = b"deil:0"


class BencodeError(ValueError):
    """The bytes are not bencoded, or nested too deep."""


def encode(value: Any) -> bytes:
    """Bencode bytes, ints, lists and dicts with bytes for keys, these in the order of their keys."""
    parts: list[bytes] = []
    _encode(value, parts.append)
    return b"".join(parts)


def _encode(value: Any, write: Callable[[bytes], None]) -> None:
    if isinstance(value, bytes):
        write(b"%d:" % len(value))
        write(value)
    elif isinstance(value, int):
        write(b"i%de" % value)
    elif isinstance(value, dict):
        write(b"d")
        for key in sorted(value):
            write(b"%d:" % len(key))
            write(key)
            _encode(value[key], write)
        write(b"e")
    else:
        write(b"l")
        for item in value:
            _encode(item, write)
        write(b"e")


def decode(data: bytes) -> Any:
    """The first bencoded value in `data`; whatever follows it is ignored.

    Raises BencodeError, and nothing else, for anything that is not one.
    """
    try:
        return _decode(data, 0, MAX_DEPTH)[0]
    except (IndexError, ValueError) as error:
        if isinstance(error, BencodeError):
            raise
        raise BencodeError("cut short, or not bencoded") from error


def _decode(data: bytes, pos: int, depth: int) -> tuple[Any, int]:
    kind = data[pos]
    if kind == _D:
        if not depth:
            raise BencodeError("nested too deep")
        return _decode_dict(data, pos + 1, depth - 1)
    if kind == _L:
        if not depth:
            raise BencodeError("nested too deep")
        return _decode_list(data, pos + 1, depth - 1)
    if kind == _I:
        end = data.index(b"e", pos, pos + MAX_INT_DIGITS + 3)
        digits = data[pos + 1 : end]
        if not digits.removeprefix(b"-").isdigit():
            raise BencodeError("not a number")
        return int(digits), end + 1
    return _decode_string(data, pos)


def _decode_string(data: bytes, pos: int) -> tuple[bytes, int]:
    # Lengths of one or two digits, nearly all there are, are read without building objects.
    length = data[pos] - _ZERO
    if not 0 <= length <= 9:
        raise BencodeError("not bencoded")
    start = pos + 2
    if data[pos + 1] != _COLON:
        colon = data.index(b":", pos, pos + 6)
        digits = data[pos:colon]
        if not digits.isdigit():
            raise BencodeError("not a length")
        length = int(digits)
        start = colon + 1
    end = start + length
    if end > len(data):
        raise BencodeError("cut short")
    return data[start:end], end


def _decode_dict(data: bytes, pos: int, depth: int) -> tuple[dict[bytes, Any], int]:
    result: dict[bytes, Any] = {}
    while data[pos] != _E:
        key, pos = _decode_string(data, pos)
        if 0 <= data[pos] - _ZERO <= 9:
            result[key], pos = _decode_string(data, pos)
        else:
            result[key], pos = _decode(data, pos, depth)
    return result, pos + 1


def _decode_list(data: bytes, pos: int, depth: int) -> tuple[list[Any], int]:
    result: list[Any] = []
    append = result.append
    while data[pos] != _E:
        if 0 <= data[pos] - _ZERO <= 9:
            item, pos = _decode_string(data, pos)
        else:
            item, pos = _decode(data, pos, depth)
        append(item)
    return result, pos + 1
