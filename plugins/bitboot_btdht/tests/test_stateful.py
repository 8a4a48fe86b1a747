"""The engine under anything that a network can do, checked after every step."""

from __future__ import annotations

import math
import random
from typing import Any

from bitboot_btdht.lookup.per_family import Operation
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
from bitboot_btdht.wire import bencode, compact, krpc
from bitboot_btdht.wire.compact import Address
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from .hostile import MAKERS

SMALL = Settings(
    max_transactions=16,
    max_hashes=5,
    max_peers_per_hash=4,
    max_peers=12,
    max_verifications=4,
    max_dead=6,
    max_candidates=20,
    max_queries_per_lookup=30,
)

ADDRESSES = st.integers(0, 40).map(public_address)
IDS = st.integers(0, 30).map(lambda number: random.Random(number).randbytes(20))
HASHES = st.integers(0, 8).map(lambda number: bytes([number * 30]) * 20)


class Engine(RuleBasedStateMachine):
    """A node, and everybody else."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.node = Node(now=self.now, settings=SMALL, rng=random.Random(1), families=(4, 6))
        self.asked: list[tuple[bytes, Address]] = []
        self.begun = 0
        self.ended: list[int] = []
        self.cancelled = 0
        self.operations: list[tuple[int, Operation]] = []

    def collect(self) -> None:
        for datagram, address in self.node.outgoing():
            assert len(datagram) <= 1200
            if bencode.decode(datagram)[b"y"] == b"q":
                self.asked.append((datagram, address))
        del self.asked[:-60]

    def receive(self, datagram: bytes, address: Address) -> None:
        self.node.receive(datagram, address, self.now)
        self.collect()

    @rule(make=st.sampled_from(MAKERS), seed=st.integers(0, 10_000), address=ADDRESSES)
    def hostile(self, make: Any, seed: int, address: Address) -> None:
        self.receive(make(random.Random(seed)), address)

    @rule(
        method=st.sampled_from([b"ping", b"find_node", b"get_peers", b"announce_peer", b"vote"]),
        id_=IDS,
        key=HASHES,
        address=ADDRESSES,
    )
    def queried(self, method: bytes, id_: bytes, key: bytes, address: Address) -> None:
        arguments = {b"id": id_, b"target": key, b"info_hash": key, b"port": 1, b"token": b"x"}
        self.receive(krpc.query(b"aa", method, arguments), address)

    @rule(key=HASHES, address=ADDRESSES, id_=IDS)
    def announced(self, key: bytes, address: Address, id_: bytes) -> None:
        self.node.receive(krpc.query(b"aa", b"get_peers", {b"id": id_, b"info_hash": key}), address, self.now)
        replies = [bencode.decode(data) for data, to in self.node.outgoing() if to == address]
        for reply in replies:
            if reply.get(b"t") == b"aa" and reply[b"y"] == b"r":
                arguments = {b"id": id_, b"info_hash": key, b"port": 7, b"token": reply[b"r"][b"token"]}
                self.receive(krpc.query(b"bb", b"announce_peer", arguments), address)

    @precondition(lambda self: self.asked)
    @rule(
        place=st.integers(0, 59),
        id_=IDS | st.none(),
        nodes=st.lists(st.tuples(IDS, ADDRESSES), max_size=20),
        values=st.lists(ADDRESSES, max_size=20),
        again=st.booleans(),
        elsewhere=st.none() | ADDRESSES,
    )
    def answered(  # noqa: PLR0917 - hypothesis calls it by name
        self,
        place: int,
        id_: bytes | None,
        nodes: list[tuple[bytes, Address]],
        values: list[Address],
        again: bool,
        elsewhere: Address | None,
    ) -> None:
        datagram, address = self.asked[place % len(self.asked)]
        if not again:
            self.asked.remove((datagram, address))
        packed = b"".join(part for node in nodes for part in node)
        body = {b"id": id_ or self.node.id, b"nodes": packed, b"values": values, b"token": b"t"}
        transaction = bencode.decode(datagram)[b"t"]
        self.receive(krpc.response(transaction, body, public_address(3)), elsewhere or address)

    @precondition(lambda self: self.asked)
    @rule(place=st.integers(0, 59))
    def refused(self, place: int) -> None:
        datagram, address = self.asked.pop(place % len(self.asked))
        self.receive(krpc.error(bencode.decode(datagram)[b"t"], 202, b"no", b"abcdef"), address)

    @rule(seconds=st.sampled_from([0.001, 0.1, 1.0, 5.0, 60.0, 901.0, 10_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.node.poll(self.now)
        self.collect()

    @rule(seconds=st.sampled_from([0.5, 100.0]))
    def the_clock_jumps_back(self, seconds: float) -> None:
        self.now -= seconds
        self.node.poll(self.now)
        self.collect()

    @rule(kind=st.sampled_from(["find", "announce", "bootstrap"]), key=HASHES, contact=ADDRESSES)
    def begin(self, kind: str, key: bytes, contact: Address) -> None:
        number = self.begun
        self.begun += 1

        def done(*result: object) -> None:
            self.ended.append(number)

        if kind == "find":
            operation: Operation = self.node.find_peers(key, lambda peers: None, done, now=self.now)
        elif kind == "announce":
            operation = self.node.announce(key, 7000, done, now=self.now)
        else:
            operation = self.node.bootstrap([contact], done, now=self.now)
        self.operations.append((number, operation))
        self.collect()

    @precondition(lambda self: self.operations)
    @rule()
    def cancel(self) -> None:
        number, operation = self.operations.pop()
        if number not in self.ended:
            operation.cancel()
            self.cancelled += 1
            self.ended.append(number)

    @invariant()
    def nothing_ends_twice(self) -> None:
        assert len(self.ended) == len(set(self.ended))

    @invariant()
    def tables_are_in_order(self) -> None:
        for table in self.node.tables.values():
            everyone = [contact for bucket in table.buckets for contact in bucket.contacts]
            assert all(len(bucket.contacts) <= SMALL.k for bucket in table.buckets)
            assert all(len(bucket.waiting) <= SMALL.k for bucket in table.buckets)
            assert len({contact.address for contact in everyone}) == len(everyone) == len(table)
            assert len({contact.id for contact in everyone}) == len(everyone)
            assert self.node.id not in {contact.id for contact in everyone}
            assert table.public == sum(compact.is_public(contact.address) for contact in everyone)

    @invariant()
    def caps_hold(self) -> None:
        node = self.node
        assert node.store.hashes <= SMALL.max_hashes
        assert len(node.store) <= SMALL.max_peers + SMALL.max_peers_per_hash
        assert len(node.transactions) <= 9 * SMALL.max_transactions
        assert len(node.transactions.dead) <= SMALL.max_dead

    def teardown(self) -> None:
        """Left alone, everything that was begun comes to its end."""
        for _ in range(400):
            if len(self.ended) == self.begun and not self.node.transactions:
                break
            deadline = self.node.transactions.deadline()
            self.now = self.now if deadline == math.inf else max(self.now, deadline)
            self.node.poll(self.now)
            self.node.outgoing()
        assert len(self.ended) == self.begun
        assert not self.node.transactions


TestEngine = Engine.TestCase
TestEngine.settings = hypothesis_settings(max_examples=60, stateful_step_count=60)
