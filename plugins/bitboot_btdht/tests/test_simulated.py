"""Whole networks in simulated time: what lookups survive, and what upkeep keeps."""

from __future__ import annotations

import gc
import hashlib
import random
from functools import partial
from typing import Any

import pytest
from bitboot_btdht.asking.transaction import Transaction
from bitboot_btdht.lookup.candidates import Candidate
from bitboot_btdht.lookup.traversal import Traversal
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import Crowd, Liar, Program, Simulation, public_address, uniform
from bitboot_btdht.table.upkeep import TICK
from bitboot_btdht.wire import bencode, compact, node_id
from bitboot_btdht.wire.compact import Address

pytestmark = pytest.mark.once

HASH = hashlib.sha1(b"a swarm").digest()


def peers_of(simulation: Simulation, nodes: list[Node], port: int = 7000) -> set[Address]:
    return {compact.with_port(simulation.address_of(node), port) for node in nodes}


def test_what_is_announced_is_found_from_everywhere() -> None:
    simulation = Simulation(seed=1)
    nodes = simulation.populate(60)
    announcers = nodes[10:15]
    for node in announcers:
        assert simulation.announce(node, HASH, 7000) >= 8
    for node in nodes:
        assert simulation.find(node, HASH) == peers_of(simulation, announcers)


@pytest.mark.parametrize("network", ["192.168.1", "100.64.7", "fd00:"])
@pytest.mark.parametrize("machines", [20, 30])
def test_on_one_local_network_everybody_is_found(network: str, machines: int) -> None:
    """They share a /24 by nature: limits per subnet are for public addresses."""
    simulation = Simulation(seed=21)
    nodes = []
    family = 6 if ":" in network else 4
    for number in range(1, machines + 1):
        address = compact.pack(f"{network}{'.' if family == 4 else ':'}{number}", 6881)
        nodes.append(simulation.add(address, families=(family,)))
        if number > 1:
            simulation.bootstrap(nodes[-1], [simulation.address_of(nodes[0])])
    assert sum(len(node.tables[family]) for node in nodes) > 10 * machines, "and 8 is no limit"
    announcers = nodes[:20]
    assert {simulation.announce(node, HASH, 7000) for node in announcers} == {8}
    for node in nodes:
        assert simulation.find(node, HASH) == peers_of(simulation, announcers)


def test_programs_of_one_machine_stay_together_when_the_first_ends() -> None:
    """They share one address, and know each other all the same."""
    simulation = Simulation(seed=22)
    nodes = [simulation.add(compact.pack("192.168.1.7", port)) for port in range(7001, 7009)]
    simulation.bootstrap_all((node, [simulation.address_of(nodes[0])]) for node in nodes[1:])
    simulation.advance(60)
    assert {len(node.tables[4]) for node in nodes} == {7}
    simulation.remove(nodes[0])
    assert simulation.announce(nodes[1], HASH, 8000) == 6
    for node in nodes[2:]:
        assert simulation.find(node, HASH) == {compact.pack("192.168.1.7", 8000)}


def test_a_key_that_nobody_announced_is_found_empty() -> None:
    simulation = Simulation(seed=1)
    nodes = simulation.populate(30)
    assert simulation.find(nodes[3], HASH) == set()


def test_two_nodes_are_a_network() -> None:
    simulation = Simulation(seed=1)
    first, second = simulation.populate(2)
    simulation.advance(5)
    assert simulation.announce(first, HASH, 7000) == 1
    assert simulation.find(second, HASH) == peers_of(simulation, [first])
    assert simulation.find(first, HASH) == peers_of(simulation, [first])


def test_alone_it_finds_nobody_and_nobody_stores() -> None:
    simulation = Simulation()
    (node,) = simulation.populate(1)
    assert simulation.find(node, HASH) == set()
    assert simulation.announce(node, HASH) == 0


def test_the_same_seed_gives_the_same_run() -> None:
    def run() -> tuple[int, float]:
        simulation = Simulation(seed=5, loss=0.1)
        nodes = simulation.populate(20)
        simulation.announce(nodes[3], HASH)
        return simulation.delivered, simulation.now

    assert run() == run()


@pytest.mark.parametrize(("loss", "share"), [(0.2, 1.0), (0.4, 0.75)])
def test_loss_does_not_lose_peers(loss: float, share: float) -> None:
    simulation = Simulation(seed=2, loss=loss)
    nodes = simulation.populate(50)
    announcers = nodes[:5]
    for node in announcers:
        assert simulation.announce(node, HASH, 7000) >= 1
    complete = sum(simulation.find(node, HASH) == peers_of(simulation, announcers) for node in nodes)
    assert complete >= share * len(nodes)


@pytest.mark.parametrize(
    ("one_way", "loss", "hurry"),
    [(0.02, 0.0, False), (0.02, 0.4, False), (0.03, 0.0, False), (0.03, 0.4, True)],
)
def test_nodes_hurry_where_answers_take_their_time_and_many_do_not_come(
    one_way: float, loss: float, hurry: bool
) -> None:
    simulation = Simulation(seed=1, latency=lambda rng: one_way, loss=loss)
    nodes = simulation.populate(20)
    simulation.advance(120)
    hurrying = [node._client.hurries for node in nodes]
    assert sum(hurrying) >= 18 if hurry else not any(hurrying)
    assert simulation.add()._client.hurries, "it knows nothing yet"


@pytest.mark.parametrize(
    ("one_way", "count", "few"), [(0.03, 20, True), (0.02, 20, False), (0.03, 80, False)]
)
def test_nodes_know_few_in_a_small_network_that_is_not_near(one_way: float, count: int, few: bool) -> None:
    simulation = Simulation(seed=1, latency=lambda rng: one_way)
    nodes = simulation.populate(count)
    simulation.advance(120)
    knowing_few = [node._client.knows_few(4) for node in nodes]
    assert all(knowing_few) if few else sum(knowing_few) < count / 10


def test_a_lookup_in_a_small_network_takes_its_time_where_others_are_under_way() -> None:
    """All of them would ask the same few at once, who take no more than their share."""
    simulation = Simulation(seed=1, latency=lambda rng: 0.03)
    node = simulation.populate(20)[0]
    simulation.advance(120)
    node.find_peers(HASH, lambda peers: None, lambda: None, now=simulation.now)
    first = len(node.outgoing())
    node.find_peers(hashlib.sha1(b"another").digest(), lambda peers: None, lambda: None, now=simulation.now)
    assert first >= node.settings.first_of_few
    assert len(node.outgoing()) <= node.settings.alpha + node.settings.side_paths


def test_duplicates_and_reordering_change_nothing() -> None:
    simulation = Simulation(
        seed=3,
        duplication=0.5,
        latency=lambda rng: rng.choice((0.001, 0.2, 0.4)),
        settings=Settings(first_looks=0),
    )
    nodes = simulation.populate(30)
    simulation.announce(nodes[1], HASH, 7000)
    assert simulation.find(nodes[20], HASH) == peers_of(simulation, nodes[1:2])
    simulation.advance(60)
    simulation.run_until(lambda: all(not node.transactions for node in nodes), limit=5)


def test_lookups_begin_at_good_contacts_that_wait_for_a_place_in_the_table_as_well() -> None:
    simulation = Simulation(seed=1)
    finder = simulation.populate(60)[0]
    table = finder.tables[4]
    waiting = next(one for one in table.everyone() if table.get(one.address) is None)

    def first_asked(now: float) -> Address:
        finder.find_peers(waiting.id, lambda peers: None, lambda: None, now=now)
        return finder.outgoing()[0][1]

    good_until = waiting.last_seen + finder.settings.good_for
    finder.outgoing()
    assert first_asked(good_until - 1) == waiting.address
    assert first_asked(good_until + 1) != waiting.address


def test_half_the_contacts_dead_and_every_peer_is_found() -> None:
    simulation = Simulation(seed=4)
    nodes = simulation.populate(80)
    announcers = nodes[:6]
    for node in announcers:
        simulation.announce(node, HASH, 7000)
    expected = peers_of(simulation, announcers)
    dead = simulation.rng.sample(nodes, 40)
    for node in dead:
        simulation.remove(node)
    for node in nodes:
        if node not in dead:
            started = simulation.now
            assert simulation.find(node, HASH) == expected
            assert simulation.now - started < 8


class Silent:
    """Answers nothing, and notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    def receive(self, datagram: bytes, address: Address, now: float) -> None:
        self.asked.append(bencode.decode(datagram).get(b"q", b""))

    def poll(self, now: float) -> None:
        pass

    def deadline(self) -> float:
        return float("inf")

    def outgoing(self) -> list[tuple[bytes, Address]]:
        return []


def test_dead_contacts_are_asked_no_more_after_they_failed() -> None:
    simulation = Simulation(seed=4)
    nodes = simulation.populate(40)
    dead = [Silent() for _ in nodes[20:]]
    for node, silent in zip(nodes[20:], dead, strict=True):
        address = simulation.address_of(node)
        simulation.remove(node)
        simulation.put(address, silent)
    for _ in range(12):
        simulation.find(nodes[0], HASH)
        simulation.advance(10)
    assert any(b"get_peers" in silent.asked for silent in dead)
    for silent in dead:
        silent.asked.clear()
    simulation.find(nodes[0], HASH)
    simulation.advance(10)
    assert not any(b"get_peers" in silent.asked for silent in dead)


def test_a_network_outage_of_our_own_blames_nobody() -> None:
    simulation = Simulation(seed=4)
    nodes = simulation.populate(30)
    simulation.announce(nodes[1], HASH, 7000)
    simulation.network.loss = 1.0
    for _ in range(3):
        simulation.find(nodes[0], HASH)
        simulation.advance(30)
    simulation.network.loss = 0.0
    assert simulation.find(nodes[0], HASH) == peers_of(simulation, nodes[1:2])


def test_announcements_lapse_unless_renewed() -> None:
    simulation = Simulation(seed=5)
    nodes = simulation.populate(20)
    simulation.announce(nodes[1], HASH, 7000)
    simulation.advance(1700)
    assert simulation.find(nodes[9], HASH)
    simulation.advance(200)
    assert not simulation.find(nodes[9], HASH)
    assert sum(len(node.store) for node in nodes) == 0, "and nothing is left of them"


def test_tables_stay_good_while_time_passes() -> None:
    """Buckets unchanged for 15 minutes are refreshed (BEP 5)."""
    simulation = Simulation(seed=6)
    nodes = simulation.populate(30)
    simulation.advance(3 * 3600)
    for node in nodes:
        good = [contact for contact in node.tables[4] if node.tables[4].is_good(contact, simulation.now)]
        assert len(good) >= 8


def test_upkeep_asks_little() -> None:
    simulation = Simulation(seed=6)
    nodes = simulation.populate(30)
    simulation.advance(60)
    before = simulation.delivered
    simulation.advance(3600)
    assert (simulation.delivered - before) / len(nodes) < 700, "datagrams a node and hour"
    assert all(node.deadline() <= simulation.now + TICK for node in nodes)


def test_what_has_ended_is_gone_without_a_garbage_collection() -> None:
    simulation = Simulation(seed=6)
    gc.collect()
    gc.disable()
    try:
        nodes = simulation.populate(30)
        simulation.announce(nodes[3], HASH)
        for node in nodes[10:15]:
            assert simulation.find(node, HASH)
            node.find_peers(HASH, lambda peers: None, lambda: None, now=simulation.now).cancel()
            sizes = node.size(HASH, lambda: None, now=simulation.now)
            simulation.run(node, lambda sizes=sizes: sizes.counted >= 8)  # type: ignore[misc]
        del sizes
        simulation.advance(120)
        assert not [one for one in gc.get_objects() if isinstance(one, Traversal | Candidate | Transaction)]
    finally:
        gc.enable()


def test_newcomers_are_known_to_others_soon() -> None:
    simulation = Simulation(seed=7)
    nodes = simulation.populate(30)
    newcomer = simulation.add()
    assert simulation.bootstrap(newcomer, [simulation.address_of(nodes[0])]) == 1
    simulation.advance(5)
    address = simulation.address_of(newcomer)
    assert sum(node.tables[4].get(address) is not None for node in nodes) >= 4


def test_bootstrap_counts_who_answered_and_does_not_wait_for_the_dead() -> None:
    simulation = Simulation(seed=8)
    nodes = simulation.populate(10)
    contacts = [public_address(9000), simulation.address_of(nodes[0]), public_address(9001)]
    newcomer = simulation.add()
    started = simulation.now
    assert simulation.bootstrap(newcomer, contacts) == 1
    assert simulation.now - started < 3.0
    lonely = simulation.add()
    assert simulation.bootstrap(lonely, [public_address(9000)]) == 0


def test_nodes_learn_their_address_and_take_an_id_that_fits_it() -> None:
    """BEP 42."""
    simulation = Simulation(seed=9)
    nodes = simulation.populate(30)
    simulation.advance(1800)
    for node in nodes:
        assert node_id.fits(node.id, simulation.address_of(node))
        assert node.id not in {contact.id for contact in node.tables[4]}
    simulation.announce(nodes[3], HASH, 7000)
    assert simulation.find(nodes[20], HASH) == peers_of(simulation, nodes[3:4])


def test_dual_stack_nodes_find_peers_of_both_families() -> None:
    simulation = Simulation(seed=10)
    four = simulation.populate(10)
    six: list[Node] = []
    for number in range(10):
        address = compact.pack(f"2a00:{number + 1:x}::1", 6881)
        node = simulation.add(address, families=(6,))
        if six:
            simulation.bootstrap(node, [simulation.address_of(six[0])])
        six.append(node)
    simulation.announce(four[1], HASH, 7000)
    simulation.announce(six[1], HASH, 7000)
    assert simulation.find(four[5], HASH) == peers_of(simulation, four[1:2])
    assert simulation.find(six[5], HASH) == peers_of(simulation, six[1:2])


# Hostile nodes


def network_with_liar(**values: Any) -> tuple[Simulation, list[Node], Liar]:
    simulation = Simulation(seed=11)
    nodes = simulation.populate(40)
    simulation.announce(nodes[1], HASH, 7000)
    liar = Liar(
        public_address(5000), HASH[:19] + b"\0", {name.encode(): value for name, value in values.items()}
    )
    simulation.put(liar.address, liar)
    for node in nodes:
        node.tables[4].answered(liar.id, liar.address, simulation.now, 0.1)
    return simulation, nodes, liar


INVENTED = compact.pack_nodes(
    (HASH[:17] + number.to_bytes(3, "big"), public_address(10_000 + number)) for number in range(300)
)


@pytest.mark.parametrize(
    "values",
    [
        {"nodes": INVENTED},
        {"nodes": compact.pack_nodes([(HASH, public_address(5000))] * 8)},
        {"nodes": compact.pack_nodes([(HASH, compact.pack("127.0.0.1", 22)), (HASH, b"\x14\0\0\1\0\0")])},
        {"nodes": b"x" * 1000, "values": b"y" * 1000},
        {"nodes": 7, "values": {b"a": 1}},
        {"values": [b"", b"12345", 7, b"x" * 18, [], compact.pack("192.168.1.1", 22)]},
    ],
    ids=["invents nodes", "names itself", "private and port 0", "rubbish", "wrong types", "odd values"],
)
def test_a_node_on_the_target_that_lies_gains_nothing(values: dict[str, Any]) -> None:
    simulation, nodes, liar = network_with_liar(**values)
    honest = peers_of(simulation, nodes[1:2])
    for node in nodes[2:12]:
        started = simulation.now
        found = simulation.find(node, HASH)
        assert honest <= found
        assert all(compact.scope(peer[:-2]) == "public" for peer in found)
        assert simulation.now - started < 15
    assert liar.asked


def test_a_flood_of_values_from_one_node_does_not_hide_the_honest_ones() -> None:
    flood = [public_address(20_000 + number) for number in range(1300)]
    simulation, nodes, _ = network_with_liar(values=flood)
    found = simulation.find(nodes[9], HASH)
    assert peers_of(simulation, nodes[1:2]) <= found
    assert len(found) <= Settings().peers_taken_per_reply + 1


def test_a_crowd_from_one_subnet_around_the_key_has_no_effect() -> None:
    simulation = Simulation(seed=12)
    nodes = simulation.populate(60)
    simulation.announce(nodes[1], HASH, 7000)
    crowd = Crowd(
        ((HASH[:18] + bytes((1, host)), bytes((99, 1, 1, host)) + b"\x1a\xe1") for host in range(1, 60)), HASH
    )
    for liar in crowd.members:
        simulation.put(liar.address, liar)
    for node in nodes:
        for liar in crowd.members:
            node.tables[4].answered(liar.id, liar.address, simulation.now, 0.1)
    for node in nodes[2:]:
        assert simulation.find(node, HASH) == peers_of(simulation, nodes[1:2])


def test_no_node_is_sent_more_in_ten_seconds_than_stock_clients_tolerate() -> None:
    """libtorrent ignores for 5 minutes whoever sends it 50 datagrams in 10 seconds."""
    simulation = Simulation(seed=13)
    nodes = simulation.populate(12)
    sent: dict[tuple[Address, Address], list[float]] = {}
    simulation.on_datagram = lambda now, source, target, _: sent.setdefault((source, target), []).append(now)
    stored: list[int] = []
    for number in range(60):
        key = random.Random(number).randbytes(20)
        nodes[0].announce(key, 7000, stored.append, now=simulation.now)
        nodes[1].announce(key, 7000, stored.append, now=simulation.now)
    simulation.flush(nodes[1])
    simulation.run(nodes[0], lambda: len(stored) == 120)
    assert min(stored) == 8, "whoever is asked too often already is asked later, and then answers"
    for times in sent.values():
        times.sort()
        assert all(last - first > 10.0 for first, last in zip(times, times[49:], strict=False))


def test_a_dual_stack_node_gets_into_both_networks_through_one_contact() -> None:
    """BEP 32, "Bootstrapping": it asks for nodes of both families."""
    simulation = Simulation(seed=14)
    four, six = simulation.populate(10), []
    for number in range(10):
        six.append(simulation.add(compact.pack(f"2a00:{number + 1:x}::1", 6881), families=(6,)))
        if number:
            simulation.bootstrap(six[-1], [simulation.address_of(six[0])])
    bridge = DualHost(simulation, four[0], six[0])
    for node in four:
        node.tables[4].answered(bridge.node.id, bridge.four, simulation.now, 0.1)
    newcomer = DualHost(simulation)
    newcomer.bootstrap([bridge.four])
    assert len(newcomer.node.tables[4]) >= 8
    assert len(newcomer.node.tables[6]) >= 8


def test_a_lookup_knows_whether_anybody_has_replied() -> None:
    """One family that answers is enough; one that is silent does not spoil it."""
    simulation = Simulation(seed=20)
    four, six = simulation.populate(10), []
    for number in range(10):
        six.append(simulation.add(compact.pack(f"2a00:{number + 1:x}::1", 6881), families=(6,)))
        if number:
            simulation.bootstrap(six[-1], [simulation.address_of(six[0])])
    node = DualHost(simulation, four[0], six[0]).node

    def unanswered() -> bool:
        ended: list[bool] = []
        lookup = node.find_peers(HASH, lambda peers: None, lambda: ended.append(True), now=simulation.now)
        simulation.run(node, lambda: bool(ended))
        assert lookup.asked > 0
        return lookup.unanswered

    assert not unanswered()
    for silent in six:
        simulation.remove(silent)
    assert not unanswered()
    for silent in four:
        simulation.remove(silent)
    assert unanswered()


class DualHost:
    """A dual-stack node in the simulation: one node at two addresses."""

    numbers = iter(range(100, 200))

    def __init__(self, simulation: Simulation, *through: Node) -> None:
        number = next(self.numbers)
        self.simulation = simulation
        self.four = compact.pack(f"21.0.{number}.1", 6881)
        self.six = compact.pack(f"2a00:{number:x}::1", 6881)
        self.node = simulation.add(self.four, families=(4, 6))
        simulation.alias(self.six, self.four)
        if through:
            self.bootstrap([simulation.address_of(node) for node in through])

    def bootstrap(self, contacts: list[Address]) -> None:
        assert self.simulation.bootstrap(self.node, contacts) == len(contacts)


def test_a_node_whose_address_changed_takes_another_id() -> None:
    """BEP 42."""
    simulation = Simulation(seed=15)
    nodes = simulation.populate(40)
    simulation.advance(1800)
    node = nodes[5]
    before = node.id
    simulation.move(node, public_address(7777))
    for number in range(6):
        simulation.find(node, hashlib.sha1(b"%d" % number).digest())
    assert node.id != before
    assert node_id.fits(node.id, public_address(7777))
    simulation.announce(node, HASH, 7000)
    assert simulation.find(nodes[20], HASH) == {public_address(7777, 7000)}


def test_many_lookups_at_once_in_a_small_network_are_slower_and_find_the_same() -> None:
    """Our limit towards one node makes queries wait; it does not lose them."""
    simulation = Simulation(seed=16)
    nodes = simulation.populate(10)
    simulation.announce(nodes[1], HASH, 7000)
    simulation.advance(30)
    found: list[set[Address]] = [set() for _ in range(60)]
    ended: list[int] = []
    for number in range(60):
        nodes[5].find_peers(HASH, found[number].update, partial(ended.append, number), now=simulation.now)
    simulation.run(nodes[5], lambda: len(ended) == 60)
    assert all(peers == peers_of(simulation, nodes[1:2]) for peers in found)


def test_a_dual_stack_node_has_an_id_for_each_of_its_addresses() -> None:
    """One id cannot fit two addresses, and nodes that enforce BEP 42 refuse one that does not fit."""
    node = Node(now=0.0, rng=random.Random(1), families=(4, 6))
    four, six = compact.pack("93.184.216.34", 1), compact.pack("2606:2800::1", 1)
    used: dict[int, bytes] = {}

    def told(claim: Address, voters: list[Address]) -> None:
        for voter in voters:
            node.query(voter, b"ping", {}, lambda outcome: None, now=0.0)
            ((datagram, _),) = [sent for sent in node.outgoing() if sent[1] == voter]
            query = bencode.decode(datagram)
            used[compact.family(voter)] = query[b"a"][b"id"]
            values = {b"id": random.Random(voter).randbytes(20)}
            reply = {b"t": query[b"t"], b"y": b"r", b"r": values, b"ip": claim}
            node.receive(bencode.encode(reply), voter, 0.0)

    told(six, [compact.pack(f"2a00:{n:x}::1", 1) for n in range(1, 10)])
    told(four, [public_address(n) for n in range(1, 10)])
    assert node_id.fits(used[4], four)
    assert node_id.fits(used[6], six)
    for family, address in ((4, public_address(500)), (6, compact.pack("2a00:500::1", 1))):
        query = {b"t": b"aa", b"y": b"q", b"q": b"ping", b"a": {b"id": b"s" * 20}}
        node.receive(bencode.encode(query), address, 0.0)
        answers = [bencode.decode(data) for data, target in node.outgoing() if target == address]
        assert [answer[b"r"][b"id"] for answer in answers if answer[b"y"] == b"r"] == [node.ids[family]]
    before = node.ids[4]
    moved = compact.pack("2606:2800:9::1", 1)
    told(moved, [compact.pack(f"2a00:{n:x}::1", 1) for n in range(100, 140)])
    assert node_id.fits(node.ids[6], moved)
    assert node.ids[4] == before
    assert [node.tables[family].own_id for family in (4, 6)] == [node.ids[4], node.ids[6]]


def test_nodes_that_enforce_ids_that_fit_take_a_dual_stack_nodes_announcement_in_both_families() -> None:
    simulation = Simulation(seed=23)
    four, six = simulation.populate(20), []
    for number in range(20):
        six.append(simulation.add(compact.pack(f"2a00:{number + 1:x}::1", 6881), families=(6,)))
        if number:
            simulation.bootstrap(six[-1], [simulation.address_of(six[0])])
    host = DualHost(simulation, four[0], six[0])
    simulation.advance(120)
    refused: list[Address] = []

    def enforce(now: float, source: Address, target: Address, datagram: bytes) -> None:
        message = bencode.decode(datagram)
        if source in (host.four, host.six):
            sender = message.get(b"a", message.get(b"r", {})).get(b"id")
            if not node_id.fits(sender, source):
                refused.append(source)

    simulation.on_datagram = enforce
    assert simulation.announce(host.node, HASH, 7000) >= 16
    assert refused == []


# Slow lines


def test_with_round_trips_of_four_to_six_seconds_it_gets_in_touch_announces_and_finds() -> None:
    """Satellites, onion routes: what the first query takes too long for, late answers teach."""
    simulation = Simulation(seed=24)
    nodes = simulation.populate(30)
    simulation.network.latency = uniform(2.0, 3.0)
    far = [
        Program(simulation, simulation.add(), contacts=[simulation.address_of(node) for node in nodes[:3]])
        for _ in range(2)
    ]
    for program in far:
        program.start()
    far[0].join(HASH)
    simulation.advance(90)
    assert all(len(program.node.alive_contacts()) >= 8 for program in far)
    assert HASH in far[0].announced_at
    assert simulation.find(far[1].node, HASH) == {far[0].endpoint}


# Finding the way back


def test_two_halves_that_were_apart_for_hours_find_each_other_again() -> None:
    """Former contacts are tried again, long after they have left the table."""
    simulation = Simulation(seed=17)
    nodes = simulation.populate(40)
    simulation.advance(60)
    halves = nodes[::2], nodes[1::2]
    simulation.network.partition(*([simulation.address_of(node) for node in half] for half in halves))
    simulation.advance(3600)
    simulation.announce(nodes[0], HASH, 7000)
    assert all(not simulation.find(node, HASH) for node in halves[1])
    simulation.network.merge()
    simulation.advance(300)
    assert all(simulation.find(node, HASH) for node in halves[1])


def test_a_contact_that_was_not_there_yet_is_tried_again() -> None:
    """Two nodes that know the same bootstrap contact, which starts only after them, and each other not."""
    simulation = Simulation(seed=18)
    nodes = simulation.populate(10)
    late = public_address(5000)
    others = [simulation.add() for _ in range(2)]
    for node, known in zip(others, nodes, strict=False):
        assert simulation.bootstrap(node, [simulation.address_of(known), late]) == 1
    island = simulation.add(late)
    simulation.announce(island, HASH, 7000)
    assert not simulation.find(others[0], HASH)
    simulation.advance(180)
    simulation.announce(nodes[5], HASH, 7000)
    assert simulation.find(island, HASH) == peers_of(simulation, nodes[5:6])


def test_those_who_join_at_the_same_time_get_to_know_each_other() -> None:
    """Everybody asks one contact who knows nobody; a minute later all are a network."""
    simulation = Simulation(seed=19)
    first = simulation.add()
    nodes = [simulation.add() for _ in range(60)]
    simulation.bootstrap_all((node, [simulation.address_of(first)]) for node in nodes)
    simulation.advance(120)
    for node in nodes[:5]:
        simulation.announce(node, HASH, 7000)
    assert all(simulation.find(node, HASH) == peers_of(simulation, nodes[:5]) for node in nodes)
