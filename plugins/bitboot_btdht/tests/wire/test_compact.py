"""Compact addresses, and which of them strangers can make us believe."""

from __future__ import annotations

import pytest
from bitboot_btdht.wire import compact
from hypothesis import example, given
from hypothesis import strategies as st

from bitboot_core.model import address_scope


@given(st.ip_addresses(), st.integers(0, 65535))
def test_packing_and_unpacking(ip: object, port: int) -> None:
    packed = compact.pack(str(ip), port)
    assert len(packed) in (6, 18)
    again = compact.unpack(packed)
    assert compact.pack(*again) == packed
    assert again[1] == port


def test_a_mapped_address_is_the_ipv4_address_it_stands_for() -> None:
    assert compact.pack("::ffff:1.2.3.4", 5) == compact.pack("1.2.3.4", 5)


@pytest.mark.parametrize("host", ["", "router.example.org", "1.2.3", "300.1.1.1", "1.2.3.4.5", "1:2"])
def test_names_are_no_addresses(host: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        compact.pack(host, 1)


@pytest.mark.parametrize(
    "address",
    [
        compact.pack("8.8.8.8", 0),
        compact.pack("0.0.0.0", 6881),
        compact.pack("0.1.2.3", 6881),
        compact.pack("224.0.0.1", 6881),
        compact.pack("255.255.255.255", 6881),
        compact.pack("::", 6881),
        compact.pack("ff02::1", 6881),
        b"\0" * 10 + b"\xff\xff" + compact.pack("8.8.8.8", 1),
        b"",
        b"12345",
        b"1234567",
    ],
)
def test_unusable_addresses(address: bytes) -> None:
    assert not compact.is_usable(address)


@pytest.mark.parametrize("host", ["8.8.8.8", "127.0.0.1", "192.168.1.1", "::1", "2a00:1450::1"])
def test_usable_addresses(host: str) -> None:
    assert compact.is_usable(compact.pack(host, 6881))


@pytest.mark.parametrize(
    ("teller", "told", "believed"),
    [
        ("8.8.8.8", "9.9.9.9", True),
        ("8.8.8.8", "192.168.1.1", False),
        ("8.8.8.8", "127.0.0.1", False),
        ("192.168.1.2", "192.168.1.1", True),
        ("192.168.1.2", "8.8.8.8", True),
        ("192.168.1.2", "127.0.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "8.8.8.8", True),
        ("2a00:1450::1", "::1", False),
    ],
)
def test_nobody_is_believed_to_know_places_narrower_than_their_own(
    teller: str, told: str, believed: bool
) -> None:
    assert compact.may_introduce(compact.pack(teller, 1), compact.pack(told, 1)) is believed


def test_odd_node_lists_give_what_can_be_read() -> None:
    good = b"i" * 20 + compact.pack("8.8.8.8", 6881)
    assert list(compact.unpack_nodes(good + good[:25], 4, 16)) == [(b"i" * 20, good[20:])]
    assert list(compact.unpack_nodes(good * 40, 4, 16)) == [(b"i" * 20, good[20:])] * 16
    odds: tuple[object, ...] = (None, 7, [], {}, b"", b"x" * 25)
    for odd in odds:
        assert list(compact.unpack_nodes(odd, 4, 16)) == []


def test_odd_values_give_what_can_be_read() -> None:
    v4, v6 = compact.pack("8.8.8.8", 1), compact.pack("2a00:1450::1", 1)
    assert compact.unpack_peers([v4, b"odd", 7, [], v6, compact.pack("8.8.8.8", 0)], 100) == [v4, v6]
    assert compact.unpack_peers([v4] * 50, 10) == [v4] * 10
    odds: tuple[object, ...] = (None, 7, b"x" * 60, {})
    for odd in odds:
        assert compact.unpack_peers(odd, 10) == []


def test_nodes_pack_as_bep_5_says() -> None:
    packed = compact.pack_nodes([(b"i" * 20, compact.pack("1.2.3.4", 258))])
    assert packed == b"i" * 20 + b"\x01\x02\x03\x04\x01\x02"


@given(st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16))
@example(bytes([192, 0, 0, 9]))
@example(bytes([198, 51, 100, 1]))
def test_a_public_address_is_what_the_core_calls_so(ip: bytes) -> None:
    assert (compact.scope(ip) == "public") is (address_scope(ip) == "public" and not is_mapped(ip))


def is_mapped(ip: bytes) -> bool:
    return ip.startswith(b"\0" * 10 + b"\xff\xff")


def test_what_lies_behind_a_carriers_nat_is_no_public_address() -> None:
    cgnat, public, private = (bytes([*ip, 1, 1]) for ip in ([100, 64, 0, 1], [8, 8, 8, 8], [10, 0, 0, 1]))
    assert compact.scope(cgnat[:4]) == "private"
    assert not compact.may_introduce(public, cgnat)
    assert compact.may_introduce(private, cgnat)
