"""NAT-PMP messages, as RFC 6886 draws them."""

from __future__ import annotations

import struct

import pytest
from bitboot_nat.wire import natpmp
from hypothesis import given
from hypothesis import strategies as st

ANSWER = bytes.fromhex("0080 0000 00000e10 51024501")
MAPPED = bytes.fromhex("0082 0000 00000e10 1b59 9c41 00001c20")


def test_the_questions() -> None:
    assert natpmp.address_request() == bytes.fromhex("0000")
    assert natpmp.map_request("udp", 7001, 40001, 7200) == bytes.fromhex("0001 0000 1b59 9c41 00001c20")
    assert natpmp.map_request("tcp", 7001, 0, 0) == bytes.fromhex("0002 0000 1b59 0000 00000000")


def test_the_answers() -> None:
    assert natpmp.read_address(ANSWER) == natpmp.Address(0, 3600, "81.2.69.1")
    assert natpmp.read_mapped(MAPPED, "tcp", 7001) == natpmp.Mapped(0, 3600, 7001, 40001, 7200)


def test_refusals_may_be_short() -> None:
    short = struct.pack("!BBHI", 0, 130, 2, 9)
    assert natpmp.read_mapped(short, "tcp", 7001) == natpmp.Mapped(2, 9, 7001, 0, 0)
    assert natpmp.read_address(struct.pack("!BBHI", 0, 128, 3, 9)) == natpmp.Address(3, 9, "")


@pytest.mark.parametrize("cut", range(len(ANSWER)))
def test_what_is_cut_short_is_no_address(cut: int) -> None:
    assert natpmp.read_address(ANSWER[:cut]) is None


@pytest.mark.parametrize("cut", range(len(MAPPED)))
def test_what_is_cut_short_is_no_port(cut: int) -> None:
    assert natpmp.read_mapped(MAPPED[:cut], "tcp", 7001) is None


def test_answers_to_other_questions_are_none() -> None:
    assert natpmp.read_mapped(MAPPED, "udp", 7001) is None
    assert natpmp.read_mapped(MAPPED, "tcp", 7002) is None
    assert natpmp.read_mapped(ANSWER, "tcp", 7001) is None
    assert natpmp.read_address(MAPPED) is None
    assert natpmp.read_address(b"\x02" + ANSWER[1:]) is None


@given(st.binary(max_size=64), st.sampled_from([b"", b"\x00\x80", b"\x00\x81", b"\x00\x82"]))
def test_nothing_raises(data: bytes, head: bytes) -> None:
    natpmp.read_address(head + data)
    natpmp.read_mapped(head + data, "udp", 7001)
