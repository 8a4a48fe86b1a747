"""How many parts a datagram has, told without reading it: one of many takes long to read."""

from __future__ import annotations

from typing import Any

import pytest
from bitboot_btdht.wire import bencode
from bitboot_btdht.wire.parts import MAX_PARTS, has_few_parts
from hypothesis import given
from hypothesis import strategies as st

VALUES = st.recursive(
    st.binary(max_size=40) | st.integers(-99, 99) | st.just(b"e:" * 200),
    lambda inner: st.lists(inner, max_size=60) | st.dictionaries(st.binary(max_size=3), inner, max_size=9),
    max_leaves=400,
)


@given(VALUES)
def test_a_datagram_that_is_quick_to_read_has_few_parts_whatever_its_strings_hold(value: Any) -> None:
    """So many strings, numbers, lists and dictionaries; the ends of these two may count, or not."""

    def parts(one: Any, container: int) -> int:
        if isinstance(one, dict):
            return container + sum(1 + parts(inner, container) for inner in one.values())
        return container + sum(parts(inner, container) for inner in one) if isinstance(one, list) else 1

    has_few = has_few_parts(bencode.encode(value))
    assert has_few or parts(value, 2) > MAX_PARTS
    assert not has_few or parts(value, 1) <= MAX_PARTS


@pytest.mark.parametrize(
    "datagram",
    [b"e" * 5_000, b"le" * 2_000, b"i1e" * 2_000, b"0:" * 2_000, b"1:" * 2_000, b"d" + b"0:0:" * 1_000],
)
def test_what_has_many_parts_does_not(datagram: bytes) -> None:
    assert not has_few_parts(datagram)


@pytest.mark.parametrize(
    "datagram", [b"9" * 5_000 + b":" * 300, b"i" * 300 + b":" * 300, b"99999:" + b"e" * 300]
)
def test_what_is_cut_short_is_quick_to_refuse(datagram: bytes) -> None:
    assert has_few_parts(datagram)
