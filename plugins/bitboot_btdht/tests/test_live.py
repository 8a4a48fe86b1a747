"""The simulated live network: round trips of pairs, kinds of NATs, nodes that hand out whoever called."""

from __future__ import annotations

import math
import statistics

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.simulation import (
    LiveNetwork,
    Nat,
    RoundTrips,
    Sessions,
    Simulation,
    Sloppy,
    public_address,
)
from bitboot_btdht.simulation.live import ROUND_TRIP
from bitboot_btdht.wire import bencode, compact
from bitboot_btdht.wire.compact import Address

HASH = b"h" * 20


class Caller:
    """Sends what a test says, and keeps what comes."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[bytes, object], Address]] = []

    def receive(self, datagram: bytes, address: Address, now: float) -> None:
        self.heard.append((bencode.decode(datagram), address))

    def poll(self, now: float) -> None:
        raise AssertionError("nothing was due")

    def deadline(self) -> float:
        return math.inf

    def outgoing(self) -> list[tuple[bytes, Address]]:
        return []


def query(id_: bytes, target: bytes = HASH) -> bytes:
    arguments = {b"id": id_, b"target": target}
    return bencode.encode({b"t": b"q", b"y": b"q", b"q": b"find_node", b"a": arguments})


def test_a_pair_has_one_round_trip_both_ways() -> None:
    round_trips = RoundTrips(0.175, 0.9, seed=1)
    one, other = public_address(1), public_address(2)
    assert round_trips.between(one, other) == round_trips.between(other, one) > 0
    assert round_trips.between(one, public_address(3)) != round_trips.between(one, other)
    assert RoundTrips(0.175, 0.9, seed=2).between(one, other) != round_trips.between(one, other)


def test_round_trips_are_spread_as_was_measured() -> None:
    round_trips = RoundTrips(0.175, 0.9, seed=1)
    drawn = [round_trips.between(public_address(0), public_address(number)) for number in range(1, 20_000)]
    quarters = statistics.quantiles(drawn, n=4)
    assert quarters == pytest.approx([0.095, 0.175, 0.33], rel=0.06)
    assert statistics.quantiles(drawn, n=50)[-1] == pytest.approx(1.11, rel=0.1)


def test_half_of_the_sessions_are_shorter_than_their_median() -> None:
    simulation = Simulation(seed=1)
    sessions = Sessions.of_median(12_000.0, 0.55)
    drawn = [sessions.draw(simulation.rng) for _ in range(5000)]
    assert statistics.median(drawn) == pytest.approx(12_000.0, rel=0.1)


@pytest.mark.parametrize(
    ("kind", "stranger", "same"),
    [(Nat.FULL_CONE, True, True), (Nat.RESTRICTED, False, True), (Nat.SYMMETRIC, False, False)],
)
def test_nats_let_in_whom_their_kind_does(kind: Nat, stranger: bool, same: bool) -> None:
    """`stranger`: somebody it never wrote to gets in. `same`: two destinations see the same port."""
    simulation = Simulation(seed=1)
    callers = [Caller() for _ in range(3)]
    for number, caller in enumerate(callers):
        simulation.put(public_address(number + 10), caller)
    simulation.put(public_address(1), hidden := Caller())
    simulation.network.put_behind_nat(public_address(1), kind)
    simulation.inject(query(b"i" * 20), public_address(10), public_address(1))
    simulation.advance(1)
    assert not hidden.heard, "nothing has gone out yet"
    for number in (10, 11):
        simulation.inject(query(b"i" * 20), public_address(1), public_address(number))
    simulation.advance(1)
    seen = [caller.heard[0][1] for caller in callers[:2]]
    assert (seen[0] == seen[1]) is same
    simulation.inject(query(b"i" * 20), public_address(10), seen[0])
    simulation.advance(1)
    assert len(hidden.heard) == 1, "who was asked may answer"
    simulation.inject(query(b"i" * 20), public_address(12), seen[0])
    simulation.advance(1)
    assert (len(hidden.heard) == 2) is stranger
    simulation.advance(121)
    simulation.inject(query(b"i" * 20), public_address(10), seen[0])
    simulation.advance(1)
    assert len(hidden.heard) == 1 + stranger, "it has forgotten all"


def test_a_sloppy_node_hands_out_who_called_it() -> None:
    simulation = Simulation(seed=1)
    sloppy = Sloppy(Node(now=0.0))
    simulation.put(public_address(1), sloppy)
    simulation.put(public_address(2), caller := Caller())
    simulation.inject(query(b"i" * 20), public_address(3), public_address(1))  # and nobody is there
    simulation.advance(1)
    simulation.inject(query(b"j" * 20), public_address(2), public_address(1))
    simulation.advance(1)
    replies = [message[b"r"] for message, _ in caller.heard if message[b"y"] == b"r"]
    assert compact.unpack_nodes(replies[0][b"nodes"], 4, 8) == [(b"i" * 20, public_address(3))]  # type: ignore[index]


@pytest.mark.once
def test_a_live_network_is_full_from_the_beginning_and_finds_what_is_announced() -> None:
    network = LiveNetwork(150, seed=1)
    simulation = network.simulation
    assert min(len(node.tables[4]) for node in network.nodes) > 16
    assert 85 < len(network.reachable) < 115, "less a third behind NATs"
    simulation.advance(60)
    first, second, *_ = network.reachable
    stored: list[int] = []
    first.announce(HASH, 7000, stored.append, now=simulation.now)
    network.flush(first)
    simulation.run_until(lambda: bool(stored))
    assert stored[0] >= 8
    found: set[bytes] = set()
    ended: list[bool] = []
    second.find_peers(HASH, found.update, lambda: ended.append(True), now=simulation.now)
    network.flush(second)
    simulation.run_until(lambda: bool(ended))
    assert found == {compact.with_port(network.address_of(first), 7000)}


@pytest.mark.once
def test_who_leaves_a_live_network_is_replaced() -> None:
    network = LiveNetwork(40, seed=2)
    before = network.nodes
    network.simulation.advance(1200)
    assert len(network.nodes) == 40
    gone = [node for node in before if not network.is_there(node)]
    assert gone
    assert network.churn.left >= len(gone)
    assert len(network.nodes[-1].tables[4]) > 8


def first_peer(simulation: Simulation, contacts: list[Address]) -> float:
    """Seconds until a node that knows nobody but these contacts hears of the first peer."""
    node, began = simulation.add(), simulation.now
    told: list[float] = []
    node.find_peers(
        HASH, lambda _: told.append(simulation.now - began), lambda: None, now=began, through=contacts
    )
    simulation.run(node, lambda: bool(told))
    return told[0]


@pytest.mark.once
def test_cold_with_half_of_a_hundred_kept_contacts_gone_the_first_peer_takes_two_round_trips() -> None:
    network = LiveNetwork(400, seed=3)
    simulation = network.simulation
    stored: list[int] = []
    for node in simulation.rng.sample(network.nodes, 5):
        node.announce(HASH, 7000, stored.append, now=simulation.now)
        network.flush(node)
    simulation.run_until(lambda: len(stored) == 5)
    firsts: list[float] = []
    for _ in range(15):
        kept = [network.address_of(node) for node in simulation.rng.sample(network.reachable, 50)]
        kept += [simulation.new_address() for _ in range(50)]  # nobody has ever been there
        simulation.rng.shuffle(kept)
        firsts.append(first_peer(simulation, kept))
    assert statistics.median(firsts) < 2 * ROUND_TRIP
