"""What a round of upkeep asks for."""

from __future__ import annotations

import random

from bitboot_btdht.node import Node
from bitboot_btdht.simulation import public_address
from bitboot_btdht.table.upkeep import REFRESHES_PER_TICK, TICK
from bitboot_btdht.wire import bencode
from bitboot_btdht.wire.node_id import ID_BITS, common_prefix

DEPTH = 10


def full_table() -> Node:
    """A node whose table has a bucket for each of DEPTH distances, none of them heard of for 15 minutes."""
    node = Node(now=0.0, rng=random.Random(1))
    own, rng = int.from_bytes(node.id), random.Random(2)
    for depth in range(DEPTH):
        for place in range(8):
            # the same leading bits as ours, then one that differs, then anything
            number = own ^ (1 << (ID_BITS - 1 - depth)) ^ rng.getrandbits(ID_BITS - 1 - depth)
            node.tables[4].answered(number.to_bytes(20), public_address(100 * depth + place), 0.0, 0.1)
    assert len(node.tables[4].buckets) >= DEPTH - 1
    return node


def test_of_many_stale_buckets_the_nearest_are_refreshed_first() -> None:
    """There are few contacts near us, and they are those that others ask us for."""
    node = full_table()
    buckets = node.tables[4].buckets
    refreshed: list[list[int]] = []
    seen = {node.id}
    now = 1000.0
    for _ in range(2):
        node.poll(now)
        targets = {
            query[b"a"][b"target"]
            for query in (bencode.decode(datagram) for datagram, _ in node.outgoing())
            if query[b"q"] == b"find_node"
        } - seen
        seen |= targets
        refreshed.append(sorted(min(common_prefix(node.id, target), len(buckets) - 1) for target in targets))
        now += TICK
    every = list(range(len(buckets)))
    assert refreshed[0] == every[-REFRESHES_PER_TICK:]
    assert refreshed[1] == every[-2 * REFRESHES_PER_TICK : -REFRESHES_PER_TICK]
