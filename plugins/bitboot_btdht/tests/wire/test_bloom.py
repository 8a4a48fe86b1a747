"""Bloom filters, to the bit (BEP 33, "Test Vectors")."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.wire import bloom
from bitboot_btdht.wire.compact import pack
from hypothesis import given
from hypothesis import strategies as st

VECTOR = bytes.fromhex(
    "F6C3F5EA A07FFD91 BDE89F77 7F26FB2B FF37BDB8 FB2BBAA2 FD3DDDE7 BACFFF75 EE7CCBAE"
    "FE5EEDB1 FBFAFF67 F6ABFF5E 43DDBCA3 FD9B9FFD F4FFD3E9 DFF12D1B DF59DB53 DBE9FA5B"
    "7FF3B8FD FCDE1AFB 8BEDD7BE 2F3EE71E BBBFE93B CDEEFE14 8246C2BC 5DBFF7E7 EFDCF24F"
    "D8DC7ADF FD8FFFDF DDFFF7A4 BBEEDF5C B95CE81F C7FCFF1F F4FFFFDF E5F7FDCB B7FD79B3"
    "FA1FC77B FE07FFF9 05B7B7FF C7FEFEFF E0B8370B B0CD3F5B 7F2BD93F EB4386CF DD6F7FD5"
    "BFAF2E9E BFFFFEEC D67ADBF7 C67F17EF D5D75EBA 6FFEBA7F FF47A91E B1BFBB53 E8ABFB57"
    "62ABE8FF 237279BF EFBFEEF5 FFC5FEBF DFE5ADFF ADFEE1FB 737FFFFB FD9F6AEF FEEE76B6"
    "FD8F72EF"
)


def ips(number: int, seed: int) -> set[bytes]:
    """So many IP addresses, of both versions."""
    rng = random.Random(seed)
    return {rng.randbytes(rng.choice((4, 16))) for _ in range(number)}


sets = st.builds(ips, st.integers(0, 300), st.integers(0, 2**32))


def test_the_test_vector_of_the_bep() -> None:
    four = [pack(f"192.0.2.{number}", 0)[:-2] for number in range(256)]
    six = [pack(f"2001:db8::{number:x}", 0)[:-2] for number in range(0x3E8)]
    filled = bloom.bloom(four + six)
    assert bloom.packed(filled) == VECTOR
    assert bloom.estimate(filled) == pytest.approx(1224.9308, abs=0.0001)


def test_nobody_is_in_an_empty_filter_and_a_full_one_has_an_end() -> None:
    assert bloom.estimate(0) == 0.0
    assert bloom.estimate((1 << bloom.BITS) - 1) == pytest.approx(7805.7, abs=0.1)


@given(sets)
def test_what_is_written_is_what_is_read_and_tells_how_many(found: set[bytes]) -> None:
    filled = bloom.bloom(found)
    assert bloom.unpacked(bloom.packed(filled)) == filled
    assert all(filled & bloom.bits_of(ip) == bloom.bits_of(ip) for ip in found)
    assert bloom.estimate(filled) == pytest.approx(len(found), abs=4 + 0.15 * len(found))


@given(sets, sets)
def test_filters_merge(some: set[bytes], others: set[bytes]) -> None:
    assert bloom.bloom(some) | bloom.bloom(others) == bloom.bloom(some | others)


@pytest.mark.parametrize("data", [None, 7, b"", b"x" * 255, b"x" * 257, [b"x" * 256], {b"x": 1}])
def test_what_is_no_filter_is_none(data: object) -> None:
    assert bloom.unpacked(data) is None
