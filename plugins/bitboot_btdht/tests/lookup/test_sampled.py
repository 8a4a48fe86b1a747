"""Lookups of crowds: storing nodes are asked again while their samples bring much, and no longer."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import replace

import pytest
from bitboot_btdht.asking.transaction import Transaction
from bitboot_btdht.lookup.density import Density
from bitboot_btdht.lookup.sampled import SampledSearch
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import Simulation, public_address
from bitboot_btdht.testnet import Testnet
from bitboot_btdht.wire import krpc
from bitboot_btdht.wire.compact import Address
from bitboot_btdht.wire.node_id import distance, id_for

from bitboot_core import BitBoot, KnownHost, swarm_key
from bitboot_core._swarms.shards import shard_key, shard_of

from ..scripted import TURN, Scripted, at

HASH = hashlib.sha1(b"a crowd").digest()


def crowd(simulation: Simulation, nodes: list[Node], size: int) -> set[Address]:
    """So many peers, under HASH on the nodes closest to it: whichever is asked tells of a sample."""
    peers = {public_address(1_000_000 + number, 7000) for number in range(size)}
    for node in sorted(nodes, key=lambda node: distance(node.id, HASH))[:8]:
        for peer in sorted(peers):
            node.store.add(HASH, peer, simulation.now)
    return peers


def look(simulation: Simulation, node: Node) -> tuple[set[Address], Counter[Address]]:
    """What one lookup finds, and how often it asked whom for peers."""
    own = simulation.address_of(node)
    asked: Counter[Address] = Counter()

    def count(now: float, source: Address, target: Address, datagram: bytes) -> None:
        if source == own and b"9:get_peers" in datagram:
            asked[target] += 1

    simulation.on_datagram = count
    found = simulation.find(node, HASH)
    simulation.on_datagram = None
    return found, asked


def world(**settings: int) -> tuple[Simulation, list[Node], Node]:
    """A network, and a newcomer with these settings that stores nothing itself."""
    simulation = Simulation(seed=4)
    nodes = simulation.populate(40)
    finder = simulation.add(settings=replace(Settings(), **settings))
    simulation.bootstrap(finder, [simulation.address_of(nodes[0])])
    return simulation, nodes, finder


@pytest.mark.parametrize("size", [200, 500])
def test_a_crowd_is_found_but_for_a_few(size: int) -> None:
    simulation, nodes, finder = world()
    peers = crowd(simulation, nodes, size)
    found, _ = look(simulation, finder)
    assert len(found & peers) >= 0.96 * size


def test_without_asking_again_half_of_it_is() -> None:
    simulation, nodes, finder = world(asks_per_storing_node=0)
    peers = crowd(simulation, nodes, 500)
    found, asked = look(simulation, finder)
    assert len(found & peers) < 0.85 * 500
    assert max(asked.values()) == 1


def test_what_one_reply_holds_is_asked_for_once() -> None:
    simulation, nodes, finder = world()
    peers = crowd(simulation, nodes, 60)
    found, asked = look(simulation, finder)
    assert found == peers
    assert max(asked.values()) == 1


def test_nobody_is_asked_more_often_than_they_tolerate() -> None:
    simulation, nodes, finder = world()
    crowd(simulation, nodes, 1500)
    _, asked = look(simulation, finder)
    assert 2 < max(asked.values()) <= 1 + Settings().asks_per_storing_node
    assert len([times for times in asked.values() if times > 1]) <= 8


def test_with_datagrams_lost_it_goes_on() -> None:
    simulation, nodes, finder = world()
    peers = crowd(simulation, nodes, 500)
    simulation.network.loss = 0.2
    found, _ = look(simulation, finder)
    assert len(found & peers) >= 0.9 * 500


def test_a_lookup_that_is_cancelled_asks_nobody_again() -> None:
    simulation, nodes, finder = world()
    crowd(simulation, nodes, 500)
    ended: list[bool] = []
    found: set[Address] = set()
    operation = finder.find_peers(HASH, found.update, lambda: ended.append(True), now=simulation.now)
    simulation.run(finder, lambda: len(found) > 300)
    operation.cancel()
    sent = finder.counters.sent
    simulation.advance(5)
    assert not ended
    assert finder.counters.sent - sent < 10  # pings of its own upkeep


# Shards, on UDP


async def test_a_crowd_on_udp_is_found_by_way_of_its_shards() -> None:
    """400 peers, of whom the key's own nodes keep 320."""
    key = swarm_key("crowd")
    settings = replace(Settings(), max_peers_per_hash=320).relaxed()
    async with Testnet(12, settings=settings) as testnet:
        peers = [KnownHost(f"192.0.2.{number % 4 + 1}", 7000 + number) for number in range(400)]
        now = testnet.nodes[0].now
        for node in testnet.nodes:
            for peer in peers:
                address = bytes(map(int, peer.host.split("."))) + peer.port.to_bytes(2, "big")
                node.store.add(key, address, now)
                node.store.add(shard_key(key, shard_of(key, peer, b"")), address, now)
        async with BitBoot(bootstrap=testnet.bootstrap, listen="127.0.0.1:0", state_dir=False) as bitboot:
            await bitboot.ready()
            async with bitboot.find("crowd") as found:
                everyone = await found.collect()
            assert found.crowded
            assert {peer.endpoint for peer in everyone} == set(peers)
            assert len(await bitboot.lookup("crowd", limit=100)) == 100


async def test_what_is_announced_is_under_the_key_and_a_shard() -> None:
    key, endpoint = swarm_key("swarm"), KnownHost("127.0.0.1", 7000)
    shard = shard_key(key, shard_of(key, endpoint, b""))
    async with (
        Testnet(12) as testnet,
        BitBoot(bootstrap=testnet.bootstrap, listen="127.0.0.1:0", state_dir=False) as bitboot,
        bitboot.announce("swarm", endpoint) as announcement,
    ):
        await announcement.announced()
        assert announcement.status["mainline"].stored_on >= 8
        plain = bitboot.backend("mainline")
        under_shard: list[KnownHost] = []
        while not under_shard:  # it follows the key at once
            under_shard = [peer async for peer in plain.lookup(shard)]
        assert under_shard == [endpoint] == [peer async for peer in plain.lookup(key)]


# Of a node that falls silent


class OneNode:
    """A network of one node besides us: what it is asked is answered by the test."""

    settings = Settings()
    families = (4,)
    hurries = True
    address = public_address(1)
    node_id = id_for(address[:-2], random.Random(1))

    def __init__(self) -> None:
        self.ids = {4: b"\xff" * 20}
        self.densities = {4: Density()}
        self.asked: list[Transaction] = []

    def ask(self, transaction: Transaction) -> bool:
        self.asked.append(transaction)
        return True

    def answer(self) -> None:
        response = self.sample()
        self.asked[-1].hear(response)
        self.asked[-1].settle(response)

    def knows_few(self, family: int) -> bool:
        return False

    def quickest(self, family: int) -> list[tuple[bytes, Address]]:
        return []

    def take_turn(self) -> int:
        return 0

    def is_waiting(self, address: Address) -> bool:
        return False

    def closest(self, target: bytes, family: int) -> list[tuple[bytes, Address]]:
        return [(self.node_id, self.address)]

    def by_chance(self, target: bytes, family: int, count: int) -> list[tuple[bytes, Address]]:
        return []

    def is_dead(self, address: Address) -> bool:
        return False

    def try_later(self, address: Address) -> None:
        pass

    def sample(self) -> krpc.Response:
        """A full reply, with peers that nobody has seen before."""
        first = 100 * len(self.asked)
        values = [public_address(1_000_000 + first + number) for number in range(60)]
        return krpc.Response(b"aa", self.node_id, {b"token": b"t", b"values": values}, None)


@pytest.mark.parametrize(("outcomes", "asked"), [("nn", 3), ("nrnn", 5), ("rnrnrnn", 8)])
def test_a_node_that_does_not_answer_twice_in_a_row_is_asked_no_more(outcomes: str, asked: int) -> None:
    """n: no answer, r: a reply. One that is lost does not end it, and a reply makes up for it."""
    network, ended = OneNode(), list[bool]()
    search = SampledSearch(network, HASH, 4, lambda peers: None, lambda: ended.append(True))
    search.start()
    network.answer()
    for outcome in outcomes:
        assert not ended
        network.answer() if outcome == "r" else network.asked[-1].settle(None)
    assert ended == [True]
    assert len(network.asked) == asked


# Of witnesses


def passed_on(*counts: int, stored: int = 0) -> int:
    """How many peers are passed on where each of the closest nodes tells of so many, and we store some."""
    network, found = (
        Scripted(*range(1, len(counts) + 1), k=len(counts), asks_per_storing_node=0),
        list[Address](),
    )
    own = [at(60_000 + number) for number in range(stored)]
    SampledSearch(network, b"\0" * 20, 4, found.extend, lambda: None, stored=own).start()
    for number, count in enumerate(counts, 1):
        network.last(number).answer(number, values=[at(1000 * number + each) for each in range(count)])
    assert len(found) == len(set(found))
    return len(found)


def test_of_a_crowd_that_few_tell_of_only_so_many_are_passed_on() -> None:
    assert passed_on(150, 10, 10, 10) == 100 + 30
    assert passed_on(150, 150, 10, 10) == 200 + 20
    assert passed_on(150, 150, 150, 10) == 460
    assert passed_on(150, 150, 150, 150) == 600


def test_what_we_store_ourselves_bears_witness_too() -> None:
    assert passed_on(150, 150, 10, 10, stored=150) == 470
    assert passed_on(150, 10, 10, 10, stored=150) == 100 + 30 + 100


def test_a_node_is_asked_again_for_the_same_and_in_the_same_turn() -> None:
    network, ended = Scripted(1), list[bool]()
    search = SampledSearch(network, HASH, 4, lambda peers: None, lambda: ended.append(True))
    search.start()
    network.last(1).answer(1, values=[at(100 + number) for number in range(60)])
    first, second = network.asked
    assert (second.address, second.method, second.arguments) == (first.address, first.method, first.arguments)
    assert second.turn == first.turn == TURN
    assert second.is_wanted()
    search.cancel()
    assert not second.is_wanted()
    second.answer(1, values=[at(200 + number) for number in range(60)])
    assert len(network.asked) == 2
    assert not ended


@pytest.mark.parametrize(("new", "again"), [(3, True), (2, False)])
def test_a_reply_that_brings_little_is_the_last_one(new: int, again: bool) -> None:
    """Little: no more than one in 32."""
    network = Scripted(1)
    SampledSearch(network, HASH, 4, lambda peers: None, lambda: None).start()
    network.last(1).answer(1, values=[at(100 + number) for number in range(64)])
    network.last(1).answer(1, values=[at(100 + new + number) for number in range(64)])
    assert (len(network.asked) == 3) is again


@pytest.mark.parametrize(("count", "again"), [(39, True), (38, False)])
def test_a_reply_with_room_for_more_is_no_sample(count: int, again: bool) -> None:
    network, ended = Scripted(1), list[bool]()
    SampledSearch(network, HASH, 4, lambda peers: None, lambda: ended.append(True)).start()
    network.last(1).answer(1, values=[at(100 + number) for number in range(count)])
    assert (len(network.asked) == 2) is again
    assert ended == ([] if again else [True])
