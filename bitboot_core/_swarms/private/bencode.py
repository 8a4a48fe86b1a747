"""Bencoding (BEP 3), strict: one way to write each value, and nothing else is read."""

from __future__ import annotations

from typing import TypeAlias

Value: TypeAlias = "int | bytes | list[Value] | dict[bytes, Value]"

_MAX_DEPTH = 4
_MAX_DIGITS = 20
_ZERO = ord("0")


def encode(value: Value) -> bytes:
    """A value's bytes. Keys are sorted."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, bytes):
        return b"%d:" % len(value) + value
    if isinstance(value, list):
        return b"l" + b"".join(map(encode, value)) + b"e"
    return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"


def decode(data: bytes) -> Value:
    """The value that is written there. Raises ValueError for what `encode` does not write."""
    value, end = _read(data, 0, _MAX_DEPTH)
    if end != len(data):
        raise ValueError("something follows")
    return value


def _read(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.find(b"e", at, at + _MAX_DIGITS + 2)
        return _integer(data[at + 1 : end] if end > 0 else b""), end + 1
    if kind in (b"l", b"d"):
        if not depth:
            raise ValueError("it is nested too deeply")
        return _list(data, at + 1, depth) if kind == b"l" else _dictionary(data, at + 1, depth)
    return _string(data, at)


def _list(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    found: list[Value] = []
    while data[at : at + 1] != b"e":
        value, at = _read(data, at, depth - 1)
        found.append(value)
    return found, at + 1


def _dictionary(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    found: dict[bytes, Value] = {}
    last: bytes | None = None
    while data[at : at + 1] != b"e":
        key, at = _string(data, at)
        if last is not None and key <= last:
            raise ValueError("its keys are not in order")
        found[key], at = _read(data, at, depth - 1)
        last = key
    return found, at + 1


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    colon = data.find(b":", at, at + _MAX_DIGITS)
    digits = data[at:colon] if colon > 0 else b""
    if not digits.isdigit() or (digits[0] == _ZERO and digits != b"0"):
        raise ValueError("this is no number")
    end = colon + 1 + int(digits)
    if end > len(data):
        raise ValueError("it is cut off")
    return data[colon + 1 : end], end


def _integer(digits: bytes) -> int:
    plain = digits.removeprefix(b"-")
    if not plain.isdigit() or (plain[:1] == b"0" and digits != b"0"):
        raise ValueError("this is no number")
    return int(digits)
