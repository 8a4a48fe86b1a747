"""Hosts, peers, keys."""

import hashlib
import ipaddress
import operator
import pickle
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitboot_core import (
    AllBackendsFailed,
    BackendTimeout,
    BitBootError,
    InvalidEndpoint,
    InvalidSwarmName,
    KnownHost,
    Peer,
    SwarmKey,
    swarm_key,
)
from bitboot_core.model import address_scope


@given(st.text(min_size=1).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)))
def test_a_swarms_key_is_the_sha1_of_its_name(name: str) -> None:
    assert swarm_key(name) == hashlib.sha1(name.encode()).digest()


@pytest.mark.parametrize("name", ["", b"bytes", None, 5, "\ud800"])
def test_what_cannot_be_a_swarms_name(name: object) -> None:
    with pytest.raises(InvalidSwarmName):
        swarm_key(name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("example.org:1", "example.org", 1),
        ("127.0.0.1:65535", "127.0.0.1", 65535),
        ("[::1]:0", "::1", 0),
        ("[2001:DB8:0:0::1]:6881", "2001:db8::1", 6881),
        (":6881", "", 6881),
        ("[::ffff:1.2.3.4]:1", "1.2.3.4", 1),
        ("[::FFFF:102:304]:1", "1.2.3.4", 1),
        (" example.org:1 ", "example.org", 1),
    ],
)
def test_endpoints_are_read_as_people_write_them(text: str, host: str, port: int) -> None:
    assert KnownHost.parse(text) == KnownHost(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.org",
        "example.org:",
        "::1",
        "fe80::1:6881",
        "a b:1",
        "a:-1",
        "a:1e3",
        "a:65536",
        "a:9999999",
        "a:٣",
        "[::1:5",
        "x" * 254 + ":1",
        "a\x00b:1",
        5,
        None,
    ],
)
def test_what_cannot_be_an_endpoint(text: object) -> None:
    with pytest.raises(InvalidEndpoint):
        KnownHost.parse(text)  # type: ignore[arg-type]


@given(st.ip_addresses(), st.integers(0, 65535))
def test_what_is_written_can_be_read(address: object, port: int) -> None:
    host = KnownHost(str(address), port)
    assert KnownHost.parse(str(host)) == host


@pytest.mark.parametrize("port", [-1, 65536, True, "1", 1.0, None])
def test_what_cannot_be_a_port(port: object) -> None:
    with pytest.raises(InvalidEndpoint):
        KnownHost("127.0.0.1", port)  # type: ignore[arg-type]


def test_an_endpoint_has_one_spelling() -> None:
    assert {KnownHost("::ffff:1.2.3.4", 1), KnownHost("1.2.3.4", 1)} == {KnownHost("1.2.3.4", 1)}
    assert KnownHost("::ffff:1.2.3.4", 1).family == 4
    assert KnownHost("::ffff:0.0.0.0", 1).is_any
    assert KnownHost("::1.2.3.4", 1).family == 6  # "compatible", not mapped: an address of its own


def test_families() -> None:
    assert KnownHost("127.0.0.1", 1).family == 4
    assert KnownHost("::1", 1).family == 6
    assert KnownHost("example.org", 1).family is None


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])
def test_hosts_that_mean_any(host: str) -> None:
    assert KnownHost(host, 1).is_any


def test_two_peers_are_equal_whoever_told_of_them() -> None:
    assert Peer("127.0.0.1", 1, ("a",)) == Peer("127.0.0.1", 1, ("b",))
    assert len({Peer("127.0.0.1", 1, ("a",)), Peer("127.0.0.1", 1)}) == 1
    assert str(Peer("::1", 1)) == "[::1]:1"
    assert Peer("::1", 1).endpoint == KnownHost("::1", 1)


def test_endpoints_peers_and_keys_have_an_order_among_their_own_kind() -> None:
    """That of what makes them equal: ports are numbers, and neither sources nor ids count."""
    kinds: tuple[Any, Any] = (KnownHost, Peer)
    for kind in kinds:
        first, same, second = kind("a", 9), kind("a", 9, peer_id="x"), kind("a", 10)
        last = kind("b", 1)
        assert sorted([last, second, first]) == [first, second, last]
        assert first < second <= last
        assert last > second >= first
        assert same <= first
        assert same >= first
        assert not same < first
        assert not same > first
    assert SwarmKey(bytes(20)) < SwarmKey(b"\1" * 20)
    assert SwarmKey(b"\1" * 20) >= SwarmKey(bytes(20))
    others: list[tuple[Any, Any]] = [(KnownHost("a", 1), Peer("a", 2)), (SwarmKey(bytes(20)), bytes(20))]
    for one, other in others:
        for compare in (operator.lt, operator.le, operator.gt, operator.ge):
            with pytest.raises(TypeError, match="not supported"):
                compare(one, other)


def test_errors_show_their_hint_and_travel_between_processes() -> None:
    error = pickle.loads(pickle.dumps(AllBackendsFailed("all", {"a": BackendTimeout("late")}, hint="wait")))
    assert (str(error), error.hint, str(error.causes["a"])) == ("all", "wait", "late")
    assert "hint: wait" in BitBootError("x", hint="wait").__notes__
    assert isinstance(BackendTimeout("late"), TimeoutError)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWabc", KnownHost("127.0.0.1", 4001, "12D3KooWabc")),
        ("/ip6/::1/tcp/4001/p2p/12D3KooWabc", KnownHost("::1", 4001, "12D3KooWabc")),
        ("/dns/a.example/tcp/4001/p2p/Qm1", KnownHost("a.example", 4001, "Qm1")),
        ("/ip4/127.0.0.1/tcp/4001", KnownHost("127.0.0.1", 4001)),
    ],
)
def test_multiaddrs_are_read_and_written(text: str, host: KnownHost) -> None:
    read = KnownHost.parse(text)
    assert (read.host, read.port, read.peer_id) == (host.host, host.port, host.peer_id)
    assert str(read) == (text if host.peer_id else "127.0.0.1:4001")


@pytest.mark.parametrize(
    "text",
    [
        "/",
        "/ip4/::1/tcp/4",
        "/ip4/1.2.3.4/udp/4",
        "/ip4/1.2.3.4/tcp/4/p2p",
        "/ip4/1.2.3.4/tcp/4/p2p/a/b",
        "/ip4/1.2.3.4/tcp/4/ws",
        "/ip4/1.2.3.4/tcp/4/p2p/a b",
    ],
)
def test_other_multiaddrs_are_refused(text: str) -> None:
    with pytest.raises(InvalidEndpoint):
        KnownHost.parse(text)


@pytest.mark.parametrize(
    "text",
    ["h:0000080", "h:080", "h:00", "h:100000", "h:+80", "h:8_0", "h:\uff18\uff10", "h: 80", "/dns/h/tcp/080"],
)
def test_a_port_is_one_number_in_one_spelling(text: str) -> None:
    with pytest.raises(InvalidEndpoint):
        KnownHost.parse(text)


def test_port_0_and_the_last_one() -> None:
    assert KnownHost.parse("h:0").port == 0
    assert KnownHost.parse("h:65535").port == 65535


@pytest.mark.parametrize("host", ["fe80::1%eth0", "fe80::1%12", "fe80::1%br-1a2b.100_x", "::1%lo"])
def test_a_zone_stays_with_its_address(host: str) -> None:
    assert KnownHost(host, 1).host == host
    assert str(KnownHost(host, 1)) == f"[{host}]:1"
    assert KnownHost.parse(f"[{host}]:1") == KnownHost(host, 1)


@pytest.mark.parametrize(
    "host",
    [
        "fe80::1%\x1b[2J",
        "fe80::1%a\r\npeer: 192.0.2.1:1",
        "fe80::1%a b",
        "fe80::1%\u202eeth0",
        "fe80::1%é",
        "fe80::1%",
        "fe80::1%" + "x" * 33,
        "::ffff:192.0.2.1%\x1b",
        "192.0.2.1%eth0",
        "example.org%eth0",
        "-oProxyCommand=x",
        "\uff0doProxyCommand",  # a wide hyphen, which resolvers read as the plain one
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "127.0.0.1.",
        "127.0.0.010",
        "\uff11\uff12\uff17\u30021",
        "1.2.3.4.5",
        "host.1",
        "peer..example.org",  # what resolvers raise UnicodeError for
        ".example.org",
        "example.org..",
        ".",
        "x" * 64 + ".example.org",
        "é" * 60 + ".example.org",
    ],
)
def test_what_is_no_host_or_would_be_read_as_another(host: str) -> None:
    with pytest.raises(InvalidEndpoint) as caught:
        KnownHost(host, 1)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "host", ["a1", "1a", "host-1", "h.x1", "1.example.org", "xn--bcher-kva.example", "bücher"]
)
def test_names_with_digits_are_names(host: str) -> None:
    assert KnownHost(host, 1).host == host


@pytest.mark.parametrize(
    ("ip", "scope"),
    [
        ("127.0.0.1", "machine"),
        ("::1", "machine"),
        ("::ffff:127.0.0.1", "machine"),
        ("169.254.1.1", "link"),
        ("fe80::1", "link"),
        ("fe80::1%eth0", "link"),
        ("10.1.2.3", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("100.127.255.254", "private"),
        ("::ffff:100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("0.0.0.0", "private"),
        ("192.0.2.1", "private"),
        ("239.192.152.143", "private"),
        ("100.63.255.255", "public"),
        ("100.128.0.1", "public"),
        ("8.8.8.8", "public"),
        ("2a00:1450::1", "public"),
    ],
)
def test_how_far_away_an_address_can_be_reached_from(ip: str, scope: str) -> None:
    assert address_scope(ip) == scope
    plain = ip.partition("%")[0]
    assert address_scope(ipaddress.ip_address(plain).packed) == scope


@pytest.mark.parametrize("first", range(256))
def test_packed_addresses_are_judged_as_they_are_as_text(first: int) -> None:
    chance = random.Random(first)
    for rest in (b"\0\0\0", b"\xff\xff\xff", *(chance.randbytes(3) for _ in range(20))):
        packed = bytes([first]) + rest
        assert address_scope(packed) == address_scope(str(ipaddress.ip_address(packed)))


def test_a_name_in_another_normal_form_is_another_swarm_and_is_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    composed, decomposed = "caf\u00e9-1", "cafe\u0301-1"
    assert swarm_key(composed) == hashlib.sha1(composed.encode()).digest()
    assert caplog.records == []
    for _ in range(2):
        assert swarm_key(decomposed) == hashlib.sha1(decomposed.encode()).digest()
    (warning,) = caplog.records
    assert "'cafe\\u0301-1'" in warning.getMessage()
    assert "'caf\\xe9-1'" in warning.getMessage()
