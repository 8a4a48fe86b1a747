"""Samples of the keys stored here, for those who survey the DHT (BEP 51)."""

from __future__ import annotations

import random
from typing import Any

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.server.peer_store import PeerStore
from bitboot_btdht.server.reply_limits import Room
from bitboot_btdht.server.samples import SOON, Samples
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import bencode, compact, krpc
from hypothesis import given, settings
from hypothesis import strategies as st

from ..conftest import Stranger

TARGET = b"t" * 20


def key(number: int) -> bytes:
    return number.to_bytes(20, "big")


def peer(number: int, port: int = 6881) -> bytes:
    return compact.pack(f"20.{number >> 8}.{number & 255}.1", port)


def fill(store: PeerStore, keys: int, *, sources: int = 8, now: float = 0.0) -> None:
    for number in range(keys):
        for source in range(sources):
            store.add(key(number), peer(source), now)


def ask(node: Node, host: str = "30.0.0.1", now: float = 0.0, **arguments: object) -> dict[bytes, Any]:
    stranger = Stranger(node, host)
    stranger.now = now
    named: dict[str, Any] = {"target": TARGET, **arguments}
    reply: dict[bytes, Any] = stranger.query(b"sample_infohashes", **named)[b"r"]
    return reply


def samples(reply: dict[bytes, Any]) -> list[bytes]:
    data = reply[b"samples"]
    assert len(data) % 20 == 0
    return [data[start : start + 20] for start in range(0, len(data), 20)]


def test_the_keys_of_a_node_are_told(node: Node) -> None:
    fill(node.store, 5)
    reply = ask(node)
    assert set(samples(reply)) == {key(number) for number in range(5)}
    assert reply[b"num"] == 5
    assert reply[b"nodes"] == b""
    assert reply[b"id"] == node.id


def test_samples_are_there_even_where_there_are_none(node: Node) -> None:
    """ "should always include the samples field in the response, even when it is zero-length" """
    reply = ask(node)
    assert (reply[b"samples"], reply[b"num"]) == (b"", 0)


def test_the_closest_nodes_are_told_as_for_find_node(node: Node) -> None:
    for number in range(1, 20):
        Stranger(node, f"20.0.{number}.1", id_=bytes([number * 5]) * 20).befriend()
    expected = Stranger(node, "30.0.0.1").query(b"find_node", target=TARGET)[b"r"][b"nodes"]
    assert ask(node)[b"nodes"] == expected
    assert len(expected) == 8 * 26


def test_a_key_that_few_addresses_announce_is_not_shown(node: Node) -> None:
    """It may be a private swarm's. More ports of one address, or addresses of one IPv6 /64, are no more."""
    for source in range(7):
        node.store.add(key(1), peer(source), 0.0)
    for port in range(1, 30):
        node.store.add(key(1), peer(6, port), 0.0)
    for number in range(7):
        node.store.add(key(2), peer(number), 0.0)
    for number in range(1, 9):
        node.store.add(key(3), compact.pack(f"2a01:4f8::{number}", 6881), 0.0)
    reply = ask(node)
    assert (reply[b"samples"], reply[b"num"]) == (b"", 0)
    node.store.add(key(2), peer(7), SOON)
    assert samples(ask(node, now=SOON)) == [key(2)]


def test_a_key_whose_peers_have_left_is_not_shown(node: Node) -> None:
    fill(node.store, 3)
    assert ask(node, now=1801.0)[b"num"] == 0


def test_the_sample_stays_the_same_until_its_interval_is_over(node: Node) -> None:
    fill(node.store, 500)
    first, second = ask(node), ask(node, "30.0.1.1", 3500.0)
    assert samples(first) == samples(second)
    assert (first[b"num"], first[b"interval"], second[b"interval"]) == (500, 3600, 100)
    assert len(set(samples(first))) == len(samples(first)) >= 30
    fill(node.store, 500, now=3500.0)
    third = ask(node, "30.0.2.1", 3600.0)
    assert third[b"interval"] == 3600
    assert samples(third) != samples(first)


def test_where_all_are_shown_others_may_come_back_soon(node: Node) -> None:
    fill(node.store, 3)
    assert ask(node)[b"interval"] == SOON
    fill(node.store, 4)
    assert ask(node, now=SOON - 1)[b"num"] == 3
    assert ask(node, now=SOON)[b"num"] == 4


@pytest.mark.parametrize("family", [4, 6])
def test_a_reply_keeps_to_its_size(dual: Node, family: int) -> None:
    for number in range(1, 60):
        Stranger(dual, f"20.0.{number}.1", id_=random.Random(number).randbytes(20)).befriend()
        Stranger(dual, f"2a0{number % 10}:{number:x}::1", id_=random.Random(-number).randbytes(20)).befriend()
    fill(dual.store, 100)
    asker = Stranger(dual, "30.0.0.1" if family == 4 else "2a05::1")
    for wish in ({}, {"want": [b"n4", b"n6"]}):
        reply = asker.query(b"sample_infohashes", b"t" * 4, target=TARGET, **wish)
        assert len(samples(reply[b"r"])) >= 15
        assert len(bencode.encode(reply)) <= 1024


def test_the_short_reply_of_a_node_under_load_is_no_longer_than_any(node: Node) -> None:
    fill(node.store, 100)
    query = krpc.Query(b"aa", b"sample_infohashes", b"x" * 20, {b"target": TARGET}, False)
    answer = node._server._responder.answer(node.id, query, peer(1), 0.0, Room.SHORT)
    assert len(samples(bencode.decode(answer)[b"r"])) == 5
    assert len(answer) < 330


@pytest.mark.parametrize("target", [None, b"", b"x" * 19, 7, [TARGET]])
def test_a_query_without_a_target_is_refused(node: Node, target: object) -> None:
    named: dict[str, Any] = {} if target is None else {"target": target}
    assert Stranger(node).query(b"sample_infohashes", **named)[b"e"][0] == krpc.PROTOCOL_ERROR


def test_a_method_of_ones_own_replaces_it(node: Node) -> None:
    node.extensions.answer(b"sample_infohashes", lambda query, address: {b"samples": b"mine"})
    assert ask(node)[b"samples"] == b"mine"


@settings(max_examples=50)
@given(
    keys=st.integers(0, 120),
    rooms=st.lists(st.integers(-50, 1500), min_size=1, max_size=5),
    times=st.lists(st.floats(0, 10_000), min_size=1, max_size=5),
    interval=st.floats(0, 1e9),
)
def test_whatever_is_asked_the_reply_is_as_the_bep_has_it(
    keys: int, rooms: list[int], times: list[float], interval: float
) -> None:
    store = PeerStore(Settings(), random.Random(1))
    fill(store, keys, sources=8)
    answers = Samples(Settings(sample_interval=interval), store, random.Random(2))
    for now in sorted(times):
        for room in rooms:
            reply = answers.reply(room, now)
            shown, num, pause = reply[b"samples"], reply[b"num"], reply[b"interval"]
            assert isinstance(shown, bytes)
            assert isinstance(num, int)
            assert isinstance(pause, int)
            assert len(shown) % 20 == 0
            assert len(shown) <= max(room, 0)
            assert len(shown) // 20 <= num
            assert 0 <= pause <= 21_600
