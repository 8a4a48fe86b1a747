"""Bencoding: exact when writing, forgiving when reading, and never surprised."""

from __future__ import annotations

import pytest
from bitboot_btdht.wire import bencode
from hypothesis import given
from hypothesis import strategies as st

from ..building import only_interpreted

VALUES = st.recursive(
    st.binary(max_size=40) | st.integers(-(2**63), 2**63 - 1),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.binary(max_size=8), inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_reads_back(value: object) -> None:
    assert bencode.decode(bencode.encode(value)) == value


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (b"spam", b"4:spam"),
        (b"", b"0:"),
        *((b"x" * size, b"%d:%b" % (size, b"x" * size)) for size in (9, 10, 12, 99, 100, 1000)),
        (3, b"i3e"),
        (-3, b"i-3e"),
        (0, b"i0e"),
        ([b"spam", 7], b"l4:spami7ee"),
        ({b"cow": b"moo", b"bar": [1]}, b"d3:barli1ee3:cow3:mooe"),
        ({}, b"de"),
        ([], b"le"),
    ],
)
def test_the_canonical_forms(value: object, encoded: bytes) -> None:
    assert bencode.encode(value) == encoded
    assert bencode.decode(encoded) == value


@pytest.mark.parametrize(
    ("sloppy", "meant"),
    [
        (b"d1:y1:q1:t2:aae", {b"y": b"q", b"t": b"aa"}),  # keys out of order
        (b"d1:t2:aae\r\n", {b"t": b"aa"}),  # something behind the end
        (b"d1:t2:aa1:t2:bbe", {b"t": b"bb"}),  # a key twice: the last one counts
        (b"i007e", 7),
        (b"03:abc", b"abc"),
        (b"i-0e", 0),
    ],
)
def test_forgives_what_nodes_in_the_field_get_wrong(sloppy: bytes, meant: object) -> None:
    assert bencode.decode(sloppy) == meant


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"e",
        b"5:abc",
        b"-1:a",
        b"5",
        b"99999999999:a",
        b"1_0:aaaaaaaaaa",
        b"+1:a",
        b" 1:a",
        b"1a:" + b"a" * 70,  # not 59, nor
        b"1/:aaaaaaaaa",  # 9, as if these were digits
        b"i12",
        b"ie",
        b"i-e",
        b"i1_0e",
        b"i 1e",
        b"i" + b"9" * 5000 + b"e",
        b"l",
        b"d",
        b"d1:a",
        b"d1:ae",
        b"di1ei2ee",
        b"dle1:ae",
        b"x",
        b"\0" * 30,
    ],
)
def test_refuses_rubbish(rubbish: bytes) -> None:
    with pytest.raises(bencode.BencodeError):
        bencode.decode(rubbish)


@pytest.mark.parametrize("opening", [b"l", b"d1:a"])
def test_refuses_what_is_nested_too_deep(opening: bytes) -> None:
    with pytest.raises(bencode.BencodeError, match="deep"):
        bencode.decode(opening * 10_000)
    with pytest.raises(bencode.BencodeError, match="deep"):
        bencode.decode(opening * (bencode.MAX_DEPTH + 1) + b"0:" + b"e" * (bencode.MAX_DEPTH + 1))


def test_reads_as_deep_as_it_says() -> None:
    value = bencode.decode(b"l" * bencode.MAX_DEPTH + b"e" * bencode.MAX_DEPTH)
    for _ in range(bencode.MAX_DEPTH - 1):
        (value,) = value
    assert value == []


@given(st.binary(max_size=200))
def test_never_raises_anything_else(data: bytes) -> None:
    try:
        bencode.decode(data)
    except bencode.BencodeError:
        return


@given(VALUES, st.data())
def test_never_raises_anything_else_for_damaged_messages(value: object, data: st.DataObject) -> None:
    encoded = bytearray(bencode.encode(value))
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] = data.draw(st.integers(0, 255))
    try:
        bencode.decode(bytes(encoded))
    except bencode.BencodeError:
        return


class CountingBytes(bytes):
    """Bytes that count how often, and how far, they are looked into."""

    work = 0

    def __getitem__(self, key):  # type: ignore[no-untyped-def]
        got = super().__getitem__(key)
        CountingBytes.work += len(got) if isinstance(got, bytes) else 1
        return got


@pytest.mark.parametrize(
    "unit",
    [b"0:", b"le", b"i1e", b"de", b"1:a", b"d1:ai1ee"],
    ids=lambda unit: unit.decode(),
)
@only_interpreted
def test_work_grows_no_faster_than_the_message(unit: bytes) -> None:
    def work(count: int) -> int:
        CountingBytes.work = 0
        bencode.decode(CountingBytes(b"l" + unit * count + b"e"))
        return CountingBytes.work

    assert work(8000) < 9 * work(1000)
