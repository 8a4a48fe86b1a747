"""Endpoints, nodes and records as bytes, and back."""

from __future__ import annotations

import pytest
from bitboot_kademlia import wire
from bitboot_kademlia.wire import HandedRecord
from hypothesis import given
from hypothesis import strategies as st

from bitboot_core import KnownHost

HOSTS = st.one_of(
    st.ip_addresses().map(str),
    st.sampled_from(["", "localhost", "peer.example.org", "bücher.example", ".".join(["x" * 49] * 5)]),
)
ENDPOINTS = st.builds(KnownHost, HOSTS, st.integers(0, 65535))


@given(st.lists(ENDPOINTS))
def test_endpoints_come_back(endpoints: list[KnownHost]) -> None:
    packed = b"".join(map(wire.pack_endpoint, endpoints))
    assert list(map(wire.unpack_endpoint, wire.split_endpoints(packed))) == endpoints


@given(st.binary(max_size=80))
def test_of_any_bytes_they_are_read_or_refused(packed: bytes) -> None:
    try:
        found = wire.split_endpoints(packed)
    except ValueError:
        return
    assert b"".join(found) == packed
    for one in found:
        try:
            wire.unpack_endpoint(one)
        except ValueError:
            continue


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        wire.pack_endpoint(KnownHost(".".join(["ü" * 50] * 4), 1))


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::"])
def test_nobody_can_reach_any_address(host: str) -> None:
    with pytest.raises(ValueError, match="reach"):
        wire.pack_reachable(KnownHost(host, 1))


def test_nobody_can_reach_port_0() -> None:
    with pytest.raises(ValueError, match="reach"):
        wire.pack_reachable(KnownHost("1.2.3.4", 0))


@pytest.mark.parametrize(("family", "host"), [(4, "20.0.0.1"), (6, "2001:db8::1")])
def test_nodes_come_back(family: int, host: str) -> None:
    nodes = [wire.pack_node(bytes([number]) * 20, (host, 7000 + number), family) for number in range(3)]
    assert wire.split_nodes(b"".join(nodes), family) == nodes
    assert wire.unpack_address(nodes[2]) == (host, 7002)
    with pytest.raises(ValueError, match="not a list of nodes"):
        wire.split_nodes(b"".join(nodes)[:-1], family)


@pytest.mark.parametrize(
    ("host", "port", "from_here", "reachable"),
    [
        ("20.0.0.1", 7000, False, True),
        ("20.0.0.1", 0, False, False),
        ("0.1.2.3", 7000, True, False),
        ("224.0.0.1", 7000, True, False),
        ("255.255.255.255", 7000, True, False),
        ("127.0.0.1", 7000, True, True),
        ("127.0.0.1", 7000, False, False),
        ("2001:db8::1", 7000, False, True),
        ("::", 7000, True, False),
        ("ff02::1", 7000, True, False),
        ("::1", 7000, True, True),
        ("::1", 7000, False, False),
    ],
)
def test_who_can_be_asked(host: str, port: int, from_here: bool, reachable: bool) -> None:
    node = wire.pack_node(b"i" * 20, (host, port), 6 if ":" in host else 4)
    assert wire.is_reachable(node, from_here=from_here) is reachable


RECORDS = st.builds(
    HandedRecord,
    commitment=st.binary(min_size=16, max_size=16),
    lifetime=st.integers(0, 65535),
    secret=st.none() | st.binary(min_size=16, max_size=16),
    endpoint=ENDPOINTS.map(wire.pack_endpoint),
)


@given(st.lists(RECORDS))
def test_records_come_back(records: list[HandedRecord]) -> None:
    assert wire.split_records(b"".join(map(wire.pack_record, records))) == records


@given(st.binary(max_size=120))
def test_of_any_bytes_records_are_read_or_refused(packed: bytes) -> None:
    try:
        wire.split_records(packed)
    except ValueError:
        return
