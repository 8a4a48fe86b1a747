"""Scrapes answered, and seeds told from other peers (BEP 33)."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.server.peer_store import PeerStore
from bitboot_btdht.server.reply_limits import Room
from bitboot_btdht.server.scrapes import AT_MOST_EVERY
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import bencode, bloom, compact, krpc

from ..building import only_interpreted
from ..conftest import Stranger

HASH = b"h" * 20


def peer(number: int) -> bytes:
    return compact.pack(f"20.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 6881)


def filled(*peers: bytes) -> int:
    return bloom.bloom(one[:-2] for one in peers)


def announce(node: Node, host: str, **arguments: object) -> None:
    stranger = Stranger(node, host)
    token = stranger.query(b"get_peers", info_hash=HASH)[b"r"][b"token"]
    named: dict[str, Any] = {"token": token, "port": 7000, **arguments}
    assert stranger.query(b"announce_peer", info_hash=HASH, **named)[b"y"] == b"r"


def scrape(node: Node, host: str = "30.0.0.1", **arguments: object) -> dict[bytes, Any]:
    named: dict[str, Any] = {"info_hash": HASH, "scrape": 1, **arguments}
    reply: dict[bytes, Any] = Stranger(node, host).query(b"get_peers", **named)[b"r"]
    return reply


def test_a_scrape_is_answered_with_seeds_and_other_peers(node: Node) -> None:
    announce(node, "20.0.0.1")
    announce(node, "20.0.0.2", seed=1)
    announce(node, "20.0.0.3", seed=0)
    reply = scrape(node)
    assert reply[b"BFsd"] == bloom.packed(filled(compact.pack("20.0.0.2", 1)))
    assert reply[b"BFpe"] == bloom.packed(filled(compact.pack("20.0.0.1", 1), compact.pack("20.0.0.3", 1)))
    assert reply[b"token"]
    assert b"nodes" in reply
    assert len(reply[b"values"]) == 3


@pytest.mark.parametrize("wish", [{}, {"scrape": 0}, {"scrape": b"1"}, {"scrape": [1]}, {"scrape": 2**63}])
def test_only_who_asks_for_filters_gets_them(node: Node, wish: dict[str, Any]) -> None:
    announce(node, "20.0.0.1")
    assert not {b"BFsd", b"BFpe"} & scrape(node, **{"scrape": 0, **wish}).keys()


def test_where_nobody_is_there_are_no_filters(node: Node) -> None:
    """ "and the responding node has database entries for that infohash" """
    assert not {b"BFsd", b"BFpe"} & scrape(node).keys()
    announce(node, "20.0.0.1")
    late = Stranger(node, "30.0.0.1")
    late.now = 1801.0
    assert b"BFpe" not in late.query(b"get_peers", info_hash=HASH, scrape=1)[b"r"]


@pytest.mark.parametrize("seed", [2, 0, b"1", -1, [1], {b"1": 1}])
def test_whatever_else_seed_may_be_makes_no_seed(node: Node, seed: object) -> None:
    announce(node, "20.0.0.1", seed=seed)
    assert scrape(node)[b"BFsd"] == bytes(256)


def test_who_becomes_a_seed_is_one_from_then_on(node: Node) -> None:
    announce(node, "20.0.0.1")
    announce(node, "20.0.0.1", seed=1)
    assert scrape(node)[b"BFsd"] == bloom.packed(filled(compact.pack("20.0.0.1", 1)))
    assert scrape(node)[b"BFpe"] == bytes(256)
    announce(node, "20.0.0.1")
    assert scrape(node)[b"BFsd"] == bytes(256)


def test_seeds_come_last_for_who_wants_none() -> None:
    store = PeerStore(Settings(), random.Random(1))
    for number in range(30):
        store.add(HASH, peer(number), 0.0, seed=number < 20)
    others = {peer(number) for number in range(20, 30)}
    assert set(store.get(HASH, 4, 10, 1.0, no_seeds=True)) == others
    assert set(store.get(HASH, 4, 5, 1.0, no_seeds=True)) < others
    more = store.get(HASH, 4, 15, 1.0, no_seeds=True)
    assert len(set(more)) == 15
    assert others < set(more)
    assert len(store.get(HASH, 4, 100, 1.0, no_seeds=True)) == 30


def test_noseed_is_heeded(node: Node) -> None:
    for number in range(200):
        node.store.add(HASH, peer(number), 0.0, seed=number >= 20)
    values = Stranger(node, "30.0.0.1").query(b"get_peers", info_hash=HASH, noseed=1)[b"r"][b"values"]
    assert {peer(number) for number in range(20)} <= set(values)


@pytest.mark.parametrize("family", [4, 6])
def test_a_reply_with_filters_is_no_longer_than_others(dual: Node, family: int) -> None:
    """BEP 32, "Maximum packet size": no more than 1,024 bytes, whatever is asked for."""
    for number in range(1, 60):
        friend = Stranger(dual, f"20.0.{number}.1", id_=random.Random(number).randbytes(20))
        friend.befriend()
        Stranger(dual, f"2a0{number % 10}:{number:x}::1", id_=random.Random(-number).randbytes(20)).befriend()
    for number in range(300):
        dual.store.add(HASH, peer(number), 0.0)
        dual.store.add(HASH, compact.pack(f"2a01:{number:x}::1", 6881), 0.0)
    asker = Stranger(dual, "30.0.0.1" if family == 4 else "2a05::1")
    for wish in ({}, {"noseed": 1}, {"want": [b"n4", b"n6"]}):
        reply = asker.query(b"get_peers", b"t" * 4, info_hash=HASH, scrape=1, **wish)
        assert len(reply[b"r"][b"BFpe"]) == 256
        assert len(reply[b"r"][krpc.NODES_KEY[family]]) == 8 * (26 if family == 4 else 38)
        assert len(bencode.encode(reply)) <= 1024


def test_the_short_reply_of_a_node_under_load_has_no_filters(node: Node) -> None:
    announce(node, "20.0.0.1")
    query = krpc.Query(b"aa", b"get_peers", b"x" * 20, {b"info_hash": HASH, b"scrape": 1}, False)
    answer = node._server._responder.answer(node.id, query, peer(1), 0.0, Room.SHORT)
    values = bencode.decode(answer)[b"r"]
    assert len(answer) < 250
    assert not {b"BFsd", b"BFpe"} & values.keys()
    assert values[b"values"]


@only_interpreted
def test_a_crowds_filters_are_kept_and_kept_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """To make them takes milliseconds: a scrape of a large swarm, again and again, must not."""
    store = PeerStore(Settings(), random.Random(1))
    for number in range(100):
        store.add(HASH, peer(number), 0.0)
    made: list[int] = []

    def make(ips: Iterable[bytes]) -> int:
        made.append(1)
        return bloom.bloom(ips)

    monkeypatch.setattr("bitboot_btdht.server.scrapes.bloom", make)
    assert store.scrape(HASH, 4, 1.0) == (0, filled(*map(peer, range(100))))
    assert store.scrape(HASH, 4, 1.0) == (0, filled(*map(peer, range(100))))
    assert len(made) == 2
    store.add(HASH, peer(100), 2.0)
    store.add(HASH, peer(101), 2.0, seed=True)
    assert store.scrape(HASH, 4, 2.0) == (filled(peer(101)), filled(*map(peer, range(101))))
    assert len(made) == 2, "who comes is added"
    for number in range(100):
        store.add(HASH, peer(number), 3.0)
    store.add(HASH, peer(5), 4.0, seed=True)
    assert store.scrape(HASH, 4, 5.0) == (filled(peer(101), peer(5)), filled(*map(peer, range(101))))
    assert len(made) == 2, "who has changed is in both for a while"
    others = [peer(number) for number in range(101) if number != 5]
    assert store.scrape(HASH, 4, 1.0 + AT_MOST_EVERY) == (filled(peer(101), peer(5)), filled(*others))
    assert len(made) == 4


def test_who_has_gone_is_soon_counted_no_more() -> None:
    store = PeerStore(Settings(), random.Random(1))
    for number in range(100):
        store.add(HASH, peer(number), float(number))
    assert store.scrape(HASH, 4, 100.0) is not None
    left = [peer(number) for number in range(51, 100)]
    assert store.scrape(HASH, 4, 1800.0 + 50) == (0, filled(*left))
