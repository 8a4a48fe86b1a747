"""A NAT's mapping is kept open while somebody may ask for us at the outside port, and only then."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.table.keep_open import PAUSES
from bitboot_btdht.wire import bencode, compact, krpc

CONTACTS = [compact.pack(f"2{number}.0.0.1", 6881) for number in range(1, 13)]
HOME, PUBLIC = b"\xc0\xa8\1\5", b"\x5d\xb8\xd8\x22"


class Machine:
    """One that writes to the internet from one address."""

    def __init__(self, ip: bytes) -> None:
        self.ip = ip

    def outward(self, family: int) -> bytes | None:
        return self.ip

    def has(self, ip: bytes) -> bool:
        return ip == self.ip


def datagrams(ip: bytes, *, asked_for: bool, seconds: float = 600.0) -> list[tuple[float, bytes]]:
    """When what goes out, of a node with contacts that answer whatever they are asked."""
    node = Node(now=0.0, rng=random.Random(1), settings=Settings(first_looks=0), machine=Machine(ip))
    seen_at = compact.pack("93.184.216.34", 6881)
    for number, address in enumerate(CONTACTS):
        node.tables[4].answered(bytes([20 * number]) * 20, address, 0.0, 0.1)
    if asked_for:
        node.requested.handler = lambda address, payload: None
    out: list[tuple[float, bytes]] = []
    now = 0.0
    while now < seconds:
        node.poll(now)
        for datagram, address in node.outgoing():
            out.append((now, address))
            query: dict[bytes, Any] = bencode.decode(datagram)
            sender = bytes([20 * CONTACTS.index(address)]) * 20
            node.receive(krpc.response(query[b"t"], {b"id": sender}, seen_at), address, now)
        now = max(now + 0.001, node.deadline())
    return out


def longest_silence(sent: list[tuple[float, bytes]], seconds: float = 600.0) -> float:
    times = [0.0, *(at for at, _ in sent), seconds]
    return max(later - earlier for earlier, later in pairwise(times))


@pytest.fixture(scope="module")
def kept() -> list[tuple[float, bytes]]:
    return datagrams(HOME, asked_for=True)


def test_behind_a_nat_something_goes_out_at_least_every_25_seconds(kept: list[tuple[float, bytes]]) -> None:
    assert longest_silence(kept) <= PAUSES[1]


def test_its_contacts_have_their_turns(kept: list[tuple[float, bytes]]) -> None:
    assert {address for _, address in kept} == set(CONTACTS)


@pytest.mark.parametrize(("ip", "asked_for"), [(HOME, False), (PUBLIC, True)], ids=["no requests", "no NAT"])
def test_else_nothing_is_sent_for_that(kept: list[tuple[float, bytes]], ip: bytes, asked_for: bool) -> None:
    others = datagrams(ip, asked_for=asked_for)
    assert longest_silence(others) > PAUSES[1]
    assert len(others) < len(kept)


def test_without_contacts_it_waits_for_one() -> None:
    node = Node(now=0.0, rng=random.Random(1), machine=Machine(HOME))
    node.requested.handler = lambda address, payload: None
    for now in range(0, 300, 5):
        node.poll(float(now))
    assert node.outgoing() == []
    assert node.deadline() > 295.0
