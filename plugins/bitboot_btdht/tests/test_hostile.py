"""A million datagrams that nobody should send, and a valid lookup in the middle of them."""

from __future__ import annotations

import gc
import logging
import random

import psutil
import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.simulation import public_address
from bitboot_btdht.wire import bencode, compact, krpc

from .conftest import Stranger
from .hostile import MAKERS

DATAGRAMS = 1_000_000
MEMORY = 32 * 2**20
HASH = b"h" * 20

SPAMMER = "66.6.6.6"


@pytest.mark.slow
def test_a_million_hostile_datagrams(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    """Memory, tables and manners stay as they are (issue: field strength)."""
    caplog.set_level(logging.WARNING)
    rng = random.Random(1)
    # A stock of each kind: making them takes longer than refusing them.
    stock = [[make(rng) for _ in range(300)] for make in MAKERS]
    senders = [public_address(rng.randrange(4_000_000), rng.randrange(1, 65536)) for _ in range(20_000)]
    senders += [compact.pack(SPAMMER, port) for port in range(1, 2000)]
    _churn(node, rng, stock, senders, 20_000)  # first of all what any node grows to by itself
    gc.collect()
    before = psutil.Process().memory_info().rss
    _churn(node, rng, stock, senders, DATAGRAMS // 2)
    _serves_a_lookup(node)
    _churn(node, rng, stock, senders, DATAGRAMS // 2)
    _serves_a_lookup(node)
    gc.collect()
    assert psutil.Process().memory_info().rss - before < MEMORY
    assert caplog.records == []
    spammers = [
        contact for contact in node.tables[4] if contact.address.startswith(compact.pack(SPAMMER, 1)[:4])
    ]
    assert len(spammers) < 16
    assert len(node.items.stored) == 0
    assert len(node.store) == 2, "the two that announced themselves as one should"


def _churn(
    node: Node, rng: random.Random, stock: list[list[bytes]], senders: list[bytes], count: int
) -> None:
    now = node.now
    for _ in range(count):
        now += 0.0005
        node.receive(rng.choice(rng.choice(stock)), rng.choice(senders), now)
        for datagram, address in node.outgoing():
            _answer_as_the_spammer_would(node, rng, datagram, address, now)
        if node.deadline() <= now:
            node.poll(now)


def _answer_as_the_spammer_would(
    node: Node, rng: random.Random, datagram: bytes, address: bytes, now: float
) -> None:
    """Half of those who are pinged answer, each time as somebody else: that is the way into a table."""
    message = krpc.parse(datagram, address)
    if isinstance(message, krpc.Query) and rng.random() < 0.5:
        node.receive(krpc.response(message.transaction, {b"id": rng.randbytes(20)}, b"abcdef"), address, now)
        node.outgoing()


def _serves_a_lookup(node: Node) -> None:
    friend = Stranger(node, f"20.200.{len(node.store)}.1", 7000, rng_id(len(node.store)))
    friend.now = node.now + 1.0
    found = friend.query(b"get_peers", info_hash=HASH)[b"r"]
    friend.query(b"announce_peer", info_hash=HASH, port=7000, token=found[b"token"])
    again = friend.query(b"get_peers", info_hash=HASH)[b"r"]
    assert friend.address in again[b"values"]
    assert all(len(bencode.encode(reply)) < 1200 for reply in (found, again))


def rng_id(number: int) -> bytes:
    return random.Random(number).randbytes(20)
