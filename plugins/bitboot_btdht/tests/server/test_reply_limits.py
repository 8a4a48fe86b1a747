"""A node under a flood of forged queries: no reflector, and not starved."""

from __future__ import annotations

import ipaddress
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.server.reply_limits import ReplyLimits, Room
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import compact, krpc
from bitboot_btdht.wire.node_id import distance
from hypothesis import given
from hypothesis import strategies as st

from bitboot_core.aio.limits import AddressLimits

from ..conftest import Stranger

HASH = b"h" * 20
FORGED = 5000
"""Forged queries a second."""

SECONDS = 4
ASKED = 50
"""Queries a second of contacts, and of strangers, each from a network of its own."""


class Flood:
    """Forged queries that come in beside honest ones, and what goes out to whom in each second."""

    def __init__(self, node: Node, contacts: list[Stranger]) -> None:
        self.node = node
        self.contacts = [contact.address for contact in contacts]
        self.bytes: Counter[tuple[bytes, int]] = Counter()
        """What a /24 gets in a second, headers included."""
        self.sent: list[tuple[float, bytes, int]] = []
        """The same for each datagram: when, to which /24, how many bytes."""
        self.answered: Counter[str] = Counter()

    def run(self, forge: Callable[[int], bytes]) -> None:
        query = krpc.query(b"aa", b"get_peers", {b"id": b"x" * 20, b"info_hash": HASH})
        rng = random.Random(2)
        strangers = [compact.pack(f"30.{n // 250}.{n % 250}.1", 6881) for n in range(ASKED * SECONDS)]
        arrivals = [(rng.uniform(0, SECONDS), "forged", forge(number)) for number in range(FORGED * SECONDS)]
        for turn, stranger in enumerate(strangers):
            arrivals.append((rng.uniform(0, SECONDS), "strangers", stranger))
            contact = self.contacts[turn % len(self.contacts)]
            arrivals.append((SECONDS * turn / len(strangers), "contacts", contact))
        began = self.node.now
        for after, who, sender in sorted(arrivals):
            self.answered[who] += self.receive(query, sender, began + after)

    def receive(self, query: bytes, sender: bytes, now: float) -> bool:
        self.node.receive(query, sender, now)
        answered = False
        for datagram, address in self.node.outgoing():
            self.bytes[address[:3], int(now)] += len(datagram) + 28
            self.sent.append((now, address[:3], len(datagram) + 28))
            answered = answered or (address == sender and b"1:y1:r" in datagram)
        return answered

    def most_within_a_second(self, place: bytes) -> int:
        """The most that a /24 got in any second, whenever that began."""
        sent = [(when, size) for when, where, size in self.sent if where == place]
        most = within = first = 0
        for when, size in sent:
            within += size
            while sent[first][0] <= when - 1.0:
                within -= sent[first][1]
                first += 1
            most = max(most, within)
        return most

    def share(self, who: str) -> float:
        return self.answered[who] / (ASKED * SECONDS)


@pytest.fixture
def flood(node: Node) -> Flood:
    """A node with a full table and a swarm that fills its replies."""
    contacts = [
        Stranger(node, f"40.{number}.1.1", id_=random.Random(number).randbytes(20)) for number in range(60)
    ]
    for contact in contacts:
        contact.befriend()
    for number in range(200):
        node.store.add(HASH, compact.pack(f"50.{number}.1.1", 6881), 0.0)
    known = [contact for contact in contacts if node.tables[4].get(contact.address)]
    assert len(known) >= 16
    node.poll(10.0)
    return Flood(node, known)


def test_a_victims_network_gets_little(flood: Flood) -> None:
    """975 kB a second came to one /24 from one node, in answer to queries forged from all over it."""
    flood.run(lambda number: bytes((66, 6, 6, number % 254)) + (1024 + number % 60_000).to_bytes(2, "big"))
    victim = [size for (place, _), size in flood.bytes.items() if place == b"\x42\6\6"]
    assert len(victim) == SECONDS
    assert flood.most_within_a_second(b"\x42\6\6") <= 50_000, "the first second, with what may come at once"
    assert 10_000 < sum(victim) / SECONDS < 35_000
    assert flood.share("contacts") == 1.0
    assert flood.share("strangers") == 1.0


@pytest.mark.once
def test_with_queries_from_everywhere_contacts_and_most_strangers_are_served(flood: Flood) -> None:
    """At 2,000 forged queries a second 19 % of the honest ones were answered."""
    rng = random.Random(1)
    flood.run(lambda number: bytes((rng.randrange(64, 90),)) + rng.randbytes(3) + b"\x1a\xe1")
    assert flood.share("contacts") >= 0.9
    assert flood.share("strangers") >= 0.5
    last = max(second for _, second in flood.bytes)
    total = sum(size for (_, second), size in flood.bytes.items() if second == last)
    assert total <= 1_000_000, "3,000 short answers are no more than the 1,000 full ones of before"


def nodes(values: dict[bytes, Any]) -> list[bytes]:
    infos = values[b"nodes"]
    return [infos[start : start + 26] for start in range(0, len(infos), 26)]


@pytest.mark.once
def test_answers_are_short_under_pressure_and_long_again_after_it(flood: Flood) -> None:
    node = flood.node
    asker = Stranger(node, "30.1.1.1")
    asker.now = node.now
    full = asker.query(b"get_peers", info_hash=HASH)[b"r"]
    assert (len(full[b"nodes"]), len(full[b"values"])) == (8 * 26, 69)
    flood.run(lambda number: bytes((64 + number % 20, number >> 8 & 255, number & 255, 1)) + b"\x1a\xe1")
    asker = Stranger(node, "30.1.2.1")
    asker.now = node.now + 0.05
    short = asker.query(b"get_peers", info_hash=HASH)[b"r"]
    assert nodes(short) == sorted(nodes(full), key=lambda node: distance(node[:20], HASH))[:3]
    assert len(short[b"values"]) == 5
    assert short[b"token"]
    asker = Stranger(node, "30.1.3.1")
    asker.now = node.now + 2.0
    assert len(asker.query(b"get_peers", info_hash=HASH)[b"r"][b"values"]) == 69


@pytest.mark.parametrize("hosts", [["2a00:1:2:3::1"], [f"2a00:1:2:3::{n:x}" for n in range(1, 200)]])
def test_one_ipv6_64_counts_as_one_source(hosts: list[str]) -> None:
    limits = ReplyLimits(Settings())
    rooms = [limits.room(compact.pack(hosts[n % len(hosts)], 1 + n), 0.0) for n in range(200)]
    assert rooms.count(Room.NONE) == 120


def test_contacts_use_up_their_own_replies_and_then_everybodys() -> None:
    settings = Settings().relaxed()
    limits = ReplyLimits(replace(settings, replies_per_second=10, contact_replies_per_second=3))
    rooms = [limits.room(compact.pack("30.1.1.1", 1), 0.0, is_contact=True) for _ in range(20)]
    assert rooms == [Room.FULL] * (3 + 5) + [Room.SHORT] * 5 + [Room.NONE] * 7
    assert limits.room(compact.pack("30.1.1.1", 1), 1.0, is_contact=True) is Room.FULL


def test_contacts_whose_replies_have_no_limit_use_up_nobody_elses() -> None:
    settings = Settings().relaxed()
    limits = ReplyLimits(replace(settings, replies_per_second=10, contact_replies_per_second=None))
    contact, stranger = compact.pack("30.1.1.1", 1), compact.pack("30.1.2.1", 1)
    assert {limits.room(contact, 0.0, is_contact=True) for _ in range(100)} == {Room.FULL}
    assert limits.room(stranger, 0.0) is Room.FULL


def test_without_limits_everybody_is_answered_in_full() -> None:
    limits = ReplyLimits(Settings().relaxed())
    address = compact.pack("127.0.0.1", 1)
    assert {limits.room(address, 0.0) for _ in range(10_000)} == {Room.FULL}


def _is_sent_from(ip: bytes) -> bool:
    """An IPv4 sender at an IPv6 socket is packed as what it is (`compact.pack`)."""
    return len(ip) == 4 or ipaddress.IPv6Address(ip).ipv4_mapped is None


SPECIAL = (
    "127.0.0.1 10.0.0.1 100.64.0.1 169.254.1.1 192.168.1.1 224.0.0.1 8.8.8.8 ::1 fe80::1 fd00::1 ff02::1"
)
ADDRESSES = st.one_of(
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=16, max_size=16),
    st.sampled_from([ipaddress.ip_address(one).packed for one in SPECIAL.split()]),
).filter(_is_sent_from)


@given(ip=ADDRESSES, other=st.binary(min_size=16, max_size=16))
def test_who_is_counted_and_with_whom_is_as_the_core_has_it(ip: bytes, other: bytes) -> None:
    settings = replace(
        Settings().relaxed(), replies_per_second_per_ip=1.0, reply_bytes_per_second_per_subnet=1.0
    )
    limits, sources, networks = ReplyLimits(settings), AddressLimits(1.0, None), AddressLimits(None, 1.0)
    for now in (0.0, 1.0):
        for same in (16, 15, 8, 7, 6, 5, 4, 3, 2):  # how many bytes a neighbour has in common with it
            neighbour = ip[:same] + other[same : len(ip)]
            if _is_sent_from(neighbour):
                allowed = networks.allows(neighbour, now) and sources.take(neighbour, now)
                room = limits.room(neighbour + b"\x1a\xe1", now)
                assert room is (Room.FULL if allowed else Room.NONE)
        networks.spend(ip, now, 1000.0)
        limits.sent(ip + b"\x1a\xe1", now, 1000)
