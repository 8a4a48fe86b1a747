"""Observing a node, and teaching it new methods."""

from __future__ import annotations

import logging

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.server.extensions import Exchange
from bitboot_btdht.server.refused import Refused
from bitboot_btdht.simulation import Simulation
from bitboot_btdht.wire import krpc

from ..conftest import Stranger

HASH = b"h" * 20


def test_queries_can_be_observed_until_one_has_seen_enough(node: Node) -> None:
    seen: list[bytes] = []
    end = node.extensions.on_query(lambda query, address: seen.append(query.arguments[b"info_hash"]))
    Stranger(node).query(b"get_peers", info_hash=HASH)
    end()
    Stranger(node).query(b"get_peers", info_hash=HASH)
    assert seen == [HASH]


def test_answers_can_be_observed_with_what_was_asked() -> None:
    simulation = Simulation()
    nodes = simulation.populate(8)
    seen: list[Exchange] = []
    nodes[0].extensions.on_response(seen.append)
    simulation.find(nodes[0], HASH)
    assert {exchange.method for exchange in seen} == {b"get_peers"}
    assert all(exchange.arguments == {b"info_hash": HASH} for exchange in seen)
    assert all(b"token" in exchange.response.values for exchange in seen)


def test_a_new_method_is_answered_and_asked() -> None:
    simulation = Simulation()
    here, there = simulation.populate(2)
    there.extensions.answer(b"add", lambda query, address: {b"sum": sum(query.arguments[b"numbers"])})
    outcomes: list[object] = []
    address = simulation.address_of(there)
    assert here.query(address, b"add", {b"numbers": [1, 2]}, outcomes.append, now=simulation.now)
    simulation.run(here, lambda: bool(outcomes))
    (answer,) = outcomes
    assert isinstance(answer, krpc.Response)
    assert answer.values[b"sum"] == 3


def test_a_method_of_bep_5_can_be_replaced(node: Node) -> None:
    node.extensions.answer(b"ping", lambda query, address: {b"hello": address})
    asker = Stranger(node)
    assert asker.query(b"ping")[b"r"] == {b"hello": asker.address, b"id": node.id}


def test_a_handler_may_refuse(node: Node) -> None:
    def refuse(query: krpc.Query, address: bytes) -> dict[bytes, object]:
        raise Refused(krpc.GENERIC_ERROR, "not today")

    node.extensions.answer(b"vote", refuse)
    assert Stranger(node).query(b"vote")[b"e"] == [201, b"not today"]


def test_what_they_raise_is_reported_a_few_times_and_harms_nobody(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: object) -> dict[bytes, object]:
        raise RuntimeError("a bug of mine")

    node.extensions.on_query(broken)
    node.extensions.answer(b"vote", broken)
    caplog.set_level(logging.ERROR)
    for number in range(50):
        reply = Stranger(node, port=1000 + number).query(b"vote")
    assert reply[b"e"] == [202, b"Server Error"]
    assert len(caplog.records) == 10
    assert caplog.messages[0] == "an observer or handler of the node failed"
    assert "a bug of mine" in caplog.text
