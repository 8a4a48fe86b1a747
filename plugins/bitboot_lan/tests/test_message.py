"""The messages: as BitTorrent clients write and read them, and whatever strangers send."""

from __future__ import annotations

import pytest
from bitboot_lan.message import MAX_BYTES, MAX_KEYS, Kind, Message, decode, encode
from hypothesis import example, given
from hypothesis import strategies as st

from bitboot_core import KnownHost

GROUP = KnownHost("239.192.152.143", 6771)
KEYS = (b"\x01" * 20, b"\xfe" * 20)


def test_an_announcement_is_bep_14_s() -> None:
    data = encode(Message(Kind.MEMBER, KEYS, 7001, "1234abcd", 600), GROUP)
    assert data == (
        b"BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 7001\r\n"
        + b"Infohash: "
        + b"01" * 20
        + b"\r\nInfohash: "
        + b"fe" * 20
        + b"\r\ncookie: 1234abcd\r\nBitboot: member 600\r\n\r\n\r\n"
    )


def test_over_ipv6_the_host_has_brackets() -> None:
    data = encode(Message(Kind.ASK, KEYS), KnownHost("ff15::efc0:988f", 6771))
    assert b"\r\nHost: [ff15::efc0:988f]:6771\r\n" in data


@pytest.mark.parametrize("kind", [Kind.ASK, Kind.LEAVE])
def test_what_is_no_announcement_has_port_0_for_others(kind: Kind) -> None:
    """libtorrent, aria2 and Transmission drop it: it names no peer."""
    assert b"\r\nPort: 0\r\n" in encode(Message(kind, KEYS, 7001, "1234abcd"), GROUP)


@pytest.mark.parametrize(
    "message",
    [
        Message(Kind.MEMBER, KEYS, 7001, "1234abcd", 600),
        Message(Kind.MEMBER, KEYS, 65_535, "1234abcd", None),
        Message(Kind.ASK, KEYS, 0, "1234abcd"),
        Message(Kind.LEAVE, KEYS, 7001, "1234abcd"),
    ],
)
def test_it_is_read_as_it_was_written(message: Message) -> None:
    assert decode(encode(message, GROUP)) == message


def test_the_longest_message_is_within_bep_14_s_limit() -> None:
    keys = tuple(bytes([number]) * 20 for number in range(MAX_KEYS))
    longest = Message(Kind.MEMBER, keys, 65_535, "7fffffff", 9_999_999)
    assert len(encode(longest, KnownHost("ff15::efc0:988f", 65_535))) <= MAX_BYTES


@pytest.mark.parametrize(
    ("datagram", "read"),
    [
        # libtorrent 2: no blank after a cookie's colon matters, the method is in capitals.
        (
            b"BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: "
            + b"01" * 20
            + b"\r\ncookie: 5f3a\r\n\r\n\r\n",
            Message(Kind.MEMBER, KEYS[:1], 6881, "5f3a"),
        ),
        # No cookie, bare line ends, other cases, an unknown header.
        (
            b"bt-search * http/1.1\nhost:x\nPORT:6881\nX-Other: 1\ninfohash:" + b"FE" * 20 + b"\n\n",
            Message(Kind.MEMBER, KEYS[1:], 6881),
        ),
        # One info-hash that is none, and one twice.
        (
            b"BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: zz\r\nInfohash: "
            + b"01" * 20
            + b"\r\nInfohash: "
            + b"01" * 20
            + b"\r\n\r\n",
            Message(Kind.MEMBER, KEYS[:1], 1),
        ),
    ],
)
def test_what_other_programs_send_is_read(datagram: bytes, read: Message) -> None:
    assert decode(datagram) == read


GOOD = encode(Message(Kind.MEMBER, KEYS, 7001, "1234abcd", 600), GROUP)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        GOOD.replace(b"BT-SEARCH", b"M-SEARCH"),
        GOOD.replace(b"Port: 7001", b"Port: 0"),  # a question must say so
        GOOD.replace(b"Port: 7001", b"Port: 65536"),
        GOOD.replace(b"Port: 7001", b"Port: -1"),
        GOOD.replace(b"Port: 7001", b"Port: 1e3"),
        GOOD.replace(b"Port: 7001\r\n", b""),
        GOOD.replace(b"Infohash", b"Other"),
        GOOD.replace(b"1234abcd", "½".encode()),
        GOOD + b"x" * 2_048,
        encode(Message(Kind.LEAVE, KEYS, 0), GROUP),
    ],
)
def test_what_is_no_message_is_none(datagram: bytes) -> None:
    assert decode(datagram) is None


@given(st.binary(max_size=2_100))
@example(b"BT-SEARCH * HTTP/1.1\n" + b":" * 2_000)
def test_nothing_that_strangers_send_raises(datagram: bytes) -> None:
    decode(datagram)


LINES = st.lists(
    st.one_of(
        st.sampled_from(GOOD.decode().split("\r\n")),
        st.sampled_from(["Bitboot: ask", "Bitboot: leave 1", "Bitboot: leave", "Bitboot: member 99999999"]),
        st.text(st.characters(max_codepoint=127), max_size=60),
    ),
    max_size=80,
)


@given(LINES)
def test_nothing_that_looks_like_a_message_gives_what_is_none(lines: list[str]) -> None:
    """Whatever is read is such that it can be announced, and asked about."""
    message = decode(("BT-SEARCH * HTTP/1.1\r\n" + "\r\n".join(lines)).encode())
    if message is not None:
        assert all(len(key) == 20 for key in message.keys)
        assert 0 < len(message.keys) <= 40
        assert 0 <= message.port <= 65_535
        assert (message.port == 0) == (message.kind is Kind.ASK)
        assert len(message.cookie) <= 64
