"""Node ids, against the vectors of BEP 42."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.wire import compact, node_id
from hypothesis import given
from hypothesis import strategies as st

# BEP 42, "Node ID restriction": address, r, an example id
VECTORS = [
    ("124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"),
    ("21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"),
    ("65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"),
    ("84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"),
    ("43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"),
]


@pytest.mark.parametrize(("host", "example"), VECTORS)
def test_bep_42s_examples_fit(host: str, example: str) -> None:
    assert node_id.fits(bytes.fromhex(example), compact.pack(host, 6881))


@pytest.mark.parametrize(("host", "example"), VECTORS)
def test_an_example_fits_no_other_address(host: str, example: str) -> None:
    others = [other for other, _ in VECTORS if other != host]
    assert not any(node_id.fits(bytes.fromhex(example), compact.pack(other, 6881)) for other in others)


@pytest.mark.parametrize("host", ["124.31.75.21", "8.8.8.8", "2607:f8b0:4005:80a::200e", "2a00:1450::1"])
def test_ids_made_for_an_address_fit_it(host: str) -> None:
    address = compact.pack(host, 1)
    rng = random.Random(1)
    made = {node_id.id_for(address[:-2], rng) for _ in range(50)}
    assert len(made) == 50
    assert all(node_id.fits(id_, address) for id_ in made)
    assert len({id_[19] & 7 for id_ in made}) == 8


@pytest.mark.parametrize("host", ["10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.1.1", "127.0.0.1", "::1"])
def test_local_addresses_are_exempt(host: str) -> None:
    assert node_id.fits(b"\0" * 20, compact.pack(host, 1))


def test_crc32c_check_value() -> None:
    """The usual check of a CRC-32C implementation."""
    assert node_id.crc32c(b"123456789") == 0xE3069283


def test_distance_and_common_prefix() -> None:
    zero, one = b"\0" * 20, b"\0" * 19 + b"\1"
    assert node_id.distance(zero, one) == 1
    assert node_id.common_prefix(zero, one) == 159
    assert node_id.common_prefix(zero, zero) == 160
    assert node_id.common_prefix(zero, b"\x80" + b"\0" * 19) == 0


@given(st.binary(min_size=4, max_size=4), st.integers(0, 7))
def test_the_checksum_of_an_ipv4_address_is_put_together_of_those_of_its_bytes(ip: bytes, r: int) -> None:
    masked = (int.from_bytes(ip, "big") & 0x030F3FFF) | (r << 29)  # BEP 42, "Node ID restriction"
    checksum = node_id.crc32c(masked.to_bytes(4, "big")).to_bytes(4, "big")
    fitting = checksum[:3] + b"\0" * 16 + bytes([r])
    bad = bytes([checksum[0] ^ 1]) + fitting[1:]
    address = ip + b"\1\1"
    assert node_id.fits(fitting, address)
    assert node_id.fits(bad, address) is not compact.is_public(address)
