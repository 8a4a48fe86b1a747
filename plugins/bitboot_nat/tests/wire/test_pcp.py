"""PCP messages, as RFC 6887 draws them."""

from __future__ import annotations

import pytest
from bitboot_nat.wire import pcp
from hypothesis import given
from hypothesis import strategies as st

NONCE = bytes(range(12))
HEAD = bytes.fromhex("02 81 00 00 00001c20 00000e10 000000000000000000000000")
BODY = NONCE + bytes.fromhex("06 000000 1b59 9c41 00000000000000000000ffff51024501")
MAPPED = HEAD + BODY


def test_the_questions() -> None:
    assert pcp.announce_request("192.168.1.7") == bytes.fromhex(
        "02 00 0000 00000000 00000000000000000000ffffc0a80107"
    )
    asked = pcp.map_request(
        "fe80::1%eth0", NONCE, "udp", 7001, outside_port=40001, lifetime=7200, outside="0.0.0.0"
    )
    assert asked == (
        bytes.fromhex("02 01 0000 00001c20 fe800000000000000000000000000001")
        + NONCE
        + bytes.fromhex("11 000000 1b59 9c41 00000000000000000000ffff00000000")
    )
    assert len(asked) == 60


def test_the_answers() -> None:
    assert pcp.read_mapped(MAPPED, NONCE, "tcp", 7001) == pcp.Mapped(0, 7200, 3600, 40001, "81.2.69.1")
    announced = HEAD[:1] + b"\x80" + HEAD[2:]
    assert pcp.read_announced(announced) == pcp.Answer(0, 7200, 3600)


def test_an_ipv6_address_and_none() -> None:
    six = MAPPED[:44] + bytes.fromhex("2a09f0f1000000000000000000000010")
    found = pcp.read_mapped(six, NONCE, "tcp", 7001)
    assert isinstance(found, pcp.Mapped)
    assert found.host == "2a09:f0f1::10"
    for nothing in (bytes(16), bytes(10) + b"\xff\xff" + bytes(4)):
        found = pcp.read_mapped(MAPPED[:44] + nothing, NONCE, "tcp", 7001)
        assert isinstance(found, pcp.Mapped)
        assert found.host == ""


def test_a_refusal() -> None:
    refused = MAPPED[:3] + b"\x08" + MAPPED[4:]
    assert pcp.read_mapped(refused, NONCE, "tcp", 7001) == pcp.Answer(8, 7200, 3600)


def test_who_speaks_nat_pmp_alone_says_so() -> None:
    """RFC 6887, section 9, appendix A: it answers in its own version."""
    answer = bytes.fromhex("0080 0001 00000e10")
    assert pcp.read_announced(answer) == pcp.Answer(1, 0, 3600)
    assert pcp.read_mapped(answer, NONCE, "tcp", 7001) == pcp.Answer(1, 0, 3600)
    assert pcp.read_announced(bytes.fromhex("0080 0000 00000e10 51024501")) is None


@pytest.mark.parametrize("cut", range(len(MAPPED)))
def test_what_is_cut_short_is_none(cut: int) -> None:
    assert pcp.read_mapped(MAPPED[:cut], NONCE, "tcp", 7001) is None


def test_answers_to_other_questions_are_none() -> None:
    assert pcp.read_mapped(MAPPED, bytes(12), "tcp", 7001) is None
    assert pcp.read_mapped(MAPPED, NONCE, "udp", 7001) is None
    assert pcp.read_mapped(MAPPED, NONCE, "tcp", 7002) is None
    assert pcp.read_announced(MAPPED) is None
    assert pcp.read_mapped(b"\x03" + MAPPED[1:], NONCE, "tcp", 7001) is None
    assert pcp.read_mapped(MAPPED[:1] + b"\x01" + MAPPED[2:], NONCE, "tcp", 7001) is None  # our own question
    assert pcp.read_mapped(MAPPED + bytes(1044), NONCE, "tcp", 7001) is None  # longer than any may be


@given(st.binary(max_size=120), st.sampled_from([b"", b"\x02\x80", b"\x02\x81", b"\x00\x80"]))
def test_nothing_raises(data: bytes, head: bytes) -> None:
    pcp.read_announced(head + data)
    pcp.read_mapped(head + data, NONCE, "udp", 7001)


@given(st.binary(min_size=16, max_size=16))
def test_any_address_can_be_read(address: bytes) -> None:
    assert isinstance(pcp.read_mapped(MAPPED[:44] + address, NONCE, "tcp", 7001), pcp.Mapped)
