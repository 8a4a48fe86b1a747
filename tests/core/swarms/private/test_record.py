"""What a member says of itself, and who may say it."""

from __future__ import annotations

import contextlib
import random

import pytest

from bitboot_core import Identity, InvalidConfig, InvalidEndpoint, KnownHost
from bitboot_core._swarms.private import bencode
from bitboot_core._swarms.private.record import (
    MAX_DATA,
    MAX_ENDPOINTS,
    BadRecord,
    MemberRecord,
    check_endpoint,
    checked_data,
    read_record,
    write_record,
)

ADA = Identity.from_seed(b"a" * 32)
KEY = b"k" * 32
HOSTS = [KnownHost("192.0.2.7", 6881), KnownHost("2001:db8::1", 1), KnownHost("", 7001), KnownHost("", 0)]


def test_what_is_written_is_read() -> None:
    record = read_record(write_record(ADA, KEY, HOSTS, b"hello"), KEY)
    read = (*HOSTS[:2], KnownHost("0.0.0.0", 7001), KnownHost("0.0.0.0", 0))
    assert record == MemberRecord(ADA.public_key, read, b"hello", 0)


def test_its_bytes_are_as_the_protocol_says() -> None:
    written = write_record(ADA, KEY, HOSTS[:1], b"d")
    signature = ADA.sign(b"bitboot-noise-key:" + KEY)
    begin = b"d1:al6:\xc0\x00\x02\x07\x1a\xe1e1:d1:d1:fi0e1:k32:"
    assert written == begin + ADA.public_key + b"1:s64:" + signature + b"e"


def test_the_longest_record_fits_into_an_answer() -> None:
    hosts = [KnownHost(f"2001:db8::{number + 1:x}", 65535) for number in range(MAX_ENDPOINTS + 3)]
    written = write_record(ADA, KEY, hosts, bytes(MAX_DATA))
    assert len(read_record(written, KEY).endpoints) == MAX_ENDPOINTS
    assert 32 + 48 + len(written) + 16 <= 1000


def test_endpoints_are_as_one_sees_the_member() -> None:
    source = KnownHost("198.51.100.4", 40001)
    record = MemberRecord(ADA.public_key, (*HOSTS, KnownHost("198.51.100.4", 7001)))
    assert record.seen_from(source) == [
        HOSTS[0],
        HOSTS[1],
        KnownHost("198.51.100.4", 7001),
        source,
    ]


def changed(**fields: object) -> bytes:
    value = bencode.decode(write_record(ADA, KEY, HOSTS[:1], b"d"))
    assert isinstance(value, dict)
    for name, field in fields.items():
        value[name.encode()] = field  # type: ignore[assignment]
    return bencode.encode({key: one for key, one in value.items() if one is not None})


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"nonsense",
        b"le",
        changed(a=None),
        changed(a=[b"12345"]),
        changed(a=[1]),
        changed(a=[bytes(6)] * (MAX_ENDPOINTS + 1)),
        changed(d=bytes(MAX_DATA + 1)),
        changed(d=1),
        changed(k=None),
        changed(k=b"short"),
        changed(k=Identity.from_seed(b"b" * 32).public_key),
        changed(s=bytes(64)),
        changed() + b"x",
    ],
    ids=range(14),
)
def test_what_is_no_record_is_refused(payload: bytes) -> None:
    with pytest.raises(BadRecord):
        read_record(payload, KEY)


def test_nobody_can_say_what_another_signed() -> None:
    """A member that hands on another's record has a Noise key of its own, which that does not name."""
    with pytest.raises(BadRecord, match="signature"):
        read_record(write_record(ADA, KEY, HOSTS, b""), b"x" * 32)


def test_what_is_new_is_passed_over() -> None:
    assert read_record(changed(z=b"new", f=5), KEY).features == 5
    assert read_record(changed(f=[b"new"]), KEY).features == 0


def test_noise_raises_nothing_else() -> None:
    chance = random.Random(1)
    written = write_record(ADA, KEY, HOSTS, b"hello")
    for _ in range(3000):
        noisy = bytearray(written)
        for _ in range(chance.randint(1, 5)):
            noisy[chance.randrange(len(noisy))] = chance.choice(
                b"0123456789dlei:" + bytes([chance.randrange(256)])
            )
        with contextlib.suppress(BadRecord):
            read_record(bytes(noisy[: chance.randint(0, 2 * len(noisy))]), KEY)


def test_data_and_endpoints_are_checked_before_they_are_said() -> None:
    assert checked_data(b"x" * MAX_DATA) == b"x" * MAX_DATA
    for wrong in (b"x" * (MAX_DATA + 1), "text", None):
        with pytest.raises(InvalidConfig):
            checked_data(wrong)
    for host in HOSTS:
        check_endpoint(host)
    for host in (KnownHost("example.org", 1), KnownHost("fe80::1%eth0", 1)):
        with pytest.raises(InvalidEndpoint):
            check_endpoint(host)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"i01e",
        b"i-0e",
        b"ie",
        b"i1",
        b"01:a",
        b"-1:a",
        b"5:ab",
        b"d1:bi1e1:ai1ee",
        b"d1:ai1e1:ai1ee",
        b"d1:ae",
        b"di1ei1ee",
        b"l",
        b"lllllleeeeee",
        b"i1ei1e",
        b"i" + b"9" * 40 + b"e",
        b"9" * 30 + b":",
    ],
)
def test_bencoding_is_strict(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"it is|its keys|something|no number"):
        bencode.decode(data)


@pytest.mark.parametrize(
    "value", [0, -5, 10**15, b"", b"a" * 100, [], [1, [b"x"]], {}, {b"b": 1, b"a": {b"c": []}}]
)
def test_bencoding_reads_what_it_writes(value: bencode.Value) -> None:
    assert bencode.decode(bencode.encode(value)) == value
