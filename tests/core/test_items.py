"""What items are: values as they are stored, targets, signatures, and what cannot be stored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitboot_core import Identity, InvalidItem, Item, items

ALICE = Identity.from_seed(b"a" * 32)
KEY = bytes.fromhex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548")
HELLO = b"12:Hello World!"
TEXT: Any = "t" * 32


@pytest.mark.parametrize(
    ("salt", "message", "target", "signature"),
    [
        (
            b"",
            b"3:seqi1e1:v12:Hello World!",
            "4a533d47ec9c7d95b1ad75f576cffc641853b750",
            "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
            "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
        ),
        (
            b"foobar",
            b"4:salt6:foobar3:seqi1e1:v12:Hello World!",
            "411eba73b6f087ca51a3795d9c8c938d365e32c1",
            "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d"
            "df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08",
        ),
    ],
)
def test_the_vectors_of_bep_44(salt: bytes, message: bytes, target: str, signature: str) -> None:
    item = Item(public_key=KEY, seq=1, encoded=HELLO, signature=bytes.fromhex(signature), salt=salt)
    assert item.message == message
    assert item.target.hex() == target
    assert item.is_genuine()
    assert items.immutable_target(HELLO).hex() == "e5f96f6f38320f0f33959cb4d3d656452117aadb"
    for changed in ({"seq": 2}, {"encoded": b"12:Hello world!"}, {"salt": b"x"}, {"public_key": b"k" * 32}):
        parts: dict[str, Any] = {
            "public_key": KEY,
            "seq": 1,
            "encoded": HELLO,
            "signature": item.signature,
            "salt": salt,
        }
        assert not Item(**{**parts, **changed}).is_genuine()


@given(st.binary(max_size=996), st.integers(0, 2**63 - 1), st.binary(max_size=64))
def test_what_is_signed_is_genuine_and_gives_its_value_back(value: bytes, seq: int, salt: bytes) -> None:
    item = Item.signed(ALICE, items.byte_string(value), seq=seq, salt=salt)
    assert item.is_genuine()
    assert item.is_bytes
    assert item.value == value


@pytest.mark.parametrize("encoded", [b"i7e", b"le", b"d2:ih2:xxe", b"05:hello", b"5:hell", b"5:hellos", b":"])
def test_a_value_that_is_no_byte_string_is_given_as_it_is(encoded: bytes) -> None:
    item = Item.signed(ALICE, encoded, seq=1)
    assert (item.is_bytes, item.value) == (False, encoded)


def test_of_one_number_the_same_version_is_the_newer_one_everywhere() -> None:
    one, two = (Item.signed(ALICE, value, seq=5) for value in (b"1:a", b"1:b"))
    newer = Item.signed(ALICE, b"0:", seq=6)
    assert max([two, one, newer], key=lambda item: item.version) is newer
    assert max([one, two], key=lambda item: item.version) is max([two, one], key=lambda item: item.version)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: items.byte_string(b"x" * 997), "997 bytes"),
        (lambda: items.byte_string(TEXT), "type str"),
        (lambda: items.check_salt(b"x" * 65), "65 bytes"),
        (lambda: items.check_salt(TEXT), "type str"),
        (lambda: items.check_seq(-1), "-1"),
        (lambda: items.check_seq(2**63), "9223372036854775808"),
        (lambda: items.check_seq(True), "True"),
        (lambda: items.check_public_key(b"k" * 31), "public key"),
        (lambda: items.check_public_key(TEXT), "public key"),
        (lambda: items.check_target(b"t" * 19), "target"),
        (lambda: Item.signed(ALICE, b"", seq=1), "bencoded"),
        (lambda: Item.signed(ALICE, b"x" * 1001, seq=1), "bencoded"),
    ],
)
def test_what_no_network_stores_is_refused(call: Any, words: str) -> None:
    with pytest.raises(InvalidItem, match=words) as caught:
        call()
    assert caught.value.hint


@pytest.mark.parametrize("value", [b"hello", bytearray(b"hello"), memoryview(b"hello")])
def test_bytes_of_any_kind_are_taken(value: Any) -> None:
    assert items.byte_string(value) == b"5:hello"
