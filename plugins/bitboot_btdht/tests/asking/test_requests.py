"""Requests to other nodes: sent once, matched, given up in time, within what one address may be sent."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.asking.requests import MAX_PAYLOAD
from bitboot_btdht.asking.transaction import Outcome
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import bencode, compact, krpc

from ..conftest import Stranger

THERE = compact.pack("20.0.0.1", 6881)
ELSEWHERE = compact.pack("20.0.0.2", 6881)


class Asked:
    """The outcomes of requests, in the order in which they came."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.outcomes: list[Outcome] = []

    def ask(self, payload: bytes = b"x", timeout: float = 10.0, now: float = 0.0) -> list[bytes]:
        """Ask once; the datagrams that leave for it."""
        give_up = self.node.request(THERE, payload, self.outcomes.append, timeout=timeout, now=now)
        assert give_up is not None
        return self.sent()

    def sent(self) -> list[bytes]:
        return [datagram for datagram, address in self.node.outgoing() if address == THERE]


@pytest.fixture
def asked(node: Node) -> Asked:
    return Asked(node)


@pytest.mark.parametrize("payload", [b"", b"\0", bytes(MAX_PAYLOAD), b"e" * MAX_PAYLOAD, b":" * MAX_PAYLOAD])
@pytest.mark.parametrize("host", ["20.0.0.1", "2001:470::1"])
def test_any_payload_fits_into_a_datagram_that_every_path_carries(payload: bytes, host: str) -> None:
    """IPv6's smallest MTU is 1,280 bytes, of which headers take 48."""
    asker, asked = (Node(now=0.0, families=(4, 6), rng=random.Random(seed)) for seed in (1, 2))
    asked.requested.handler = lambda address, got: got
    here, there = compact.pack(host.removesuffix("1") + "2", 6881), compact.pack(host, 6881)
    outcomes: list[Outcome] = []
    asker.request(there, payload, outcomes.append, timeout=10.0, now=0.0)
    ((query, _),) = asker.outgoing()
    assert len(query) <= 1_232
    asked.receive(query, here, 0.0)
    (reply,) = [datagram for datagram, _ in asked.outgoing() if bencode.decode(datagram)[b"y"] == b"r"]
    assert len(reply) <= len(query)
    asker.receive(reply, there, 0.1)
    (outcome,) = outcomes
    assert isinstance(outcome, krpc.Response)
    assert outcome.values[b"payload"] == payload


def test_an_answer_counts_from_the_address_that_was_asked_alone_and_once(node: Node, asked: Asked) -> None:
    (query,) = asked.ask()
    answer = krpc.response(bencode.decode(query)[b"t"], {b"id": b"s" * 20, b"payload": b"y"}, THERE)
    node.receive(answer, ELSEWHERE, 0.1)
    assert asked.outcomes == []
    node.receive(answer, THERE, 0.1)
    node.receive(answer, THERE, 0.1)
    assert len(asked.outcomes) == 1
    assert node.counters.unmatched == 2


def test_it_is_given_up_when_its_time_is_over_and_not_before(node: Node, asked: Asked) -> None:
    assert len(asked.ask(timeout=40.0)) == 1
    node.poll(39.9)
    assert asked.outcomes == []
    assert node.deadline() <= 40.0
    node.poll(40.0)
    assert asked.outcomes == [None]
    assert asked.sent() == []


def test_one_that_is_cancelled_is_answered_by_nobody_and_leaves_its_place(node: Node, asked: Asked) -> None:
    give_up = node.request(THERE, b"x", asked.outcomes.append, timeout=10.0, now=0.0)
    assert give_up is not None
    give_up()
    give_up()
    node.poll(11.0)
    assert asked.outcomes == []
    assert len(node._requests) == 0


def test_who_stays_silent_counts_as_no_dead_contact(node: Node) -> None:
    """Three times a second apart, minute after minute, as to a member whose NAT does not let us in yet."""
    asked, sent = Asked(node), 0
    for number in range(18):
        now = 400.0 + 10.0 * (number // 3) + number % 3
        node.poll(now)
        asked.sent()
        sent += len(asked.ask(timeout=1.0, now=now))
    assert sent == 18
    node.poll(500.0)
    assert asked.outcomes == [None] * 18
    assert not node.transactions.dead.contains(THERE, 500.0)
    assert node.counters.timeouts == 0


def test_what_is_too_much_for_one_address_waits_and_is_not_sent_too_late(node: Node, asked: Asked) -> None:
    """Stock libtorrent ignores who sends it some 50 messages in 10 seconds."""
    at_once = sum(len(asked.ask(timeout=60.0)) for _ in range(30)) + sum(
        len(asked.ask(timeout=1.0)) for _ in range(30)
    )
    assert 10 <= at_once <= 20
    sent = at_once
    for now in range(1, 60):
        node.poll(float(now))
        sent += len(asked.sent())
    assert sent == 30
    assert asked.outcomes == [None] * 30


def test_too_many_at_once_are_refused() -> None:
    node = Node(now=0.0, settings=Settings(max_requests=3), rng=random.Random(1))
    for number in range(3):
        there = compact.pack(f"20.0.0.{number}", 6881)
        assert node.request(there, b"x", lambda _: None, timeout=10.0, now=0.0) is not None
    assert node.request(THERE, b"x", lambda _: None, timeout=10.0, now=0.0) is None
    node.poll(10.0)
    assert node.request(THERE, b"x", lambda _: None, timeout=10.0, now=10.0) is not None


def test_lookups_go_on_beside_a_thousand_requests_to_nobody(node: Node) -> None:
    stranger = Stranger(node, "20.1.0.1")
    stranger.befriend()
    node.outgoing()
    for number in range(1_000):
        there = compact.pack(f"30.{number // 250}.{number % 250}.1", 6881)
        node.request(there, b"x", lambda _: None, timeout=60.0, now=0.0)
    node.outgoing()
    node.find_peers(b"h" * 20, lambda _: None, lambda: None, now=0.0)
    assert [address for _, address in node.outgoing()] == [stranger.address]
