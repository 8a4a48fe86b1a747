"""Items on whole networks in simulated time (BEP 44): what outlives what."""

from __future__ import annotations

import pytest
from bitboot_btdht.lookup.item_found import ImmutableFound, MutableFound
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import Simulation
from bitboot_btdht.wire import compact, krpc

from bitboot_core import Item
from bitboot_core.items import byte_string, immutable_target

from .publishers import version

pytestmark = pytest.mark.once

SETTINGS = Settings(first_looks=0)


def publish(simulation: Simulation, node: Node, item: Item, cas: int | None = None) -> int:
    """Let a node publish; on how many others it is stored."""
    ended: list[int] = []
    node.items.publish(item, ended.append, now=simulation.now, cas=cas)
    simulation.run(node, lambda: bool(ended))
    return ended[0]


def put(simulation: Simulation, node: Node, value: bytes) -> int:
    ended: list[int] = []
    node.items.put(byte_string(value), ended.append, now=simulation.now)
    simulation.run(node, lambda: bool(ended))
    return ended[0]


def resolve(simulation: Simulation, node: Node, item: Item) -> Item | None:
    """What a node finds in the place of an item."""
    ended: list[int] = []
    search = node.items.resolve(item.public_key, item.salt, ended.append, now=simulation.now)
    simulation.run(node, lambda: bool(ended))
    assert isinstance(search.found, MutableFound)
    return search.found.newest


def get(simulation: Simulation, node: Node, value: bytes) -> bytes | None:
    ended: list[int] = []
    search = node.items.get(immutable_target(byte_string(value)), ended.append, now=simulation.now)
    simulation.run(node, lambda: bool(ended))
    assert isinstance(search.found, ImmutableFound)
    return search.found.encoded


@pytest.mark.parametrize("families", [(4,), (6,)])
def test_items_survive_the_death_of_half_the_network(families: tuple[int, ...]) -> None:
    """And of their publishers, who put nothing again."""
    simulation = Simulation(seed=2, settings=SETTINGS)
    nodes: list[Node] = []
    for number in range(80):
        address = None if families == (4,) else compact.pack(f"2a00:{number + 1:x}::1", 6881)
        node = simulation.add(address, families=families)
        if nodes:
            known = simulation.rng.sample(nodes, min(3, len(nodes)))
            simulation.bootstrap(node, [simulation.address_of(one) for one in known])
        nodes.append(node)
    publishers, living = nodes[:12], nodes[40:]
    items = [version(b"item %d" % number, salt=b"%d" % number) for number in range(12)]
    values = [b"immutable %d" % number for number in range(12)]
    for node, item, value in zip(publishers, items, values, strict=True):
        assert publish(simulation, node, item) >= 8
        assert put(simulation, node, value) >= 8
    for node in nodes[:40]:
        simulation.remove(node)
    for number, (item, value) in enumerate(zip(items, values, strict=True)):
        reader = living[number]
        assert resolve(simulation, reader, item) == item
        assert get(simulation, reader, value) == byte_string(value)


def test_what_is_put_again_stays_and_the_rest_ends() -> None:
    simulation = Simulation(seed=3, settings=SETTINGS)
    nodes = simulation.populate(12)
    kept, left = version(b"kept", salt=b"kept"), version(b"left", salt=b"left")
    for item in (kept, left):
        publish(simulation, nodes[0], item)
    for _ in range(3):
        simulation.advance(3600.0)
        publish(simulation, nodes[0], kept)
    assert resolve(simulation, nodes[9], kept) == kept
    assert resolve(simulation, nodes[9], left) is None


def test_every_reader_gets_the_newest_though_some_nodes_missed_it() -> None:
    """A third of the storing nodes are deaf while the second version is published."""
    simulation = Simulation(seed=4, settings=SETTINGS)
    nodes = simulation.populate(60)
    first, second = version(b"first", 1), version(b"second", 2)
    publish(simulation, nodes[0], first)
    holders = [node for node in nodes if node.items.stored.get(first.target, simulation.now)]
    assert len(holders) >= 8
    deaf = {simulation.address_of(node): node for node in holders[::3]}
    for node in deaf.values():
        simulation.remove(node)
    publish(simulation, nodes[0], second)
    for address, node in deaf.items():
        simulation.put(address, node)
    versions = [node.items.stored.get(first.target, simulation.now) for node in deaf.values()]
    assert 1 in {stored.seq for stored in versions if stored is not None}
    assert all(resolve(simulation, reader, first) == second for reader in nodes[20:40])


def test_two_publishers_of_one_key_agree_in_the_end_on_the_higher_number() -> None:
    simulation = Simulation(seed=5, settings=SETTINGS)
    nodes = simulation.populate(40)
    one, two = version(b"one", 10), version(b"two", 11)
    ended: list[int] = []
    puts = [
        node.items.publish(item, ended.append, now=simulation.now, cas=5)
        for node, item in ((nodes[1], one), (nodes[2], two))
    ]
    for node in nodes[1:3]:
        simulation.flush(node)
    simulation.run_until(lambda: len(ended) == 2)
    assert all(resolve(simulation, reader, one) == two for reader in nodes[20:])
    refused = sum(put.put.refusals[code] for put in puts for code in (krpc.CAS_MISMATCH, krpc.SEQ_TOO_LOW))
    assert refused, "and at least one of them was told"
    assert publish(simulation, nodes[1], one) == 0
    assert publish(simulation, nodes[1], version(b"three", 12), cas=11) >= 8
    assert publish(simulation, nodes[2], version(b"four", 13), cas=11) == 0


def test_a_node_that_stores_an_item_finds_it_alone() -> None:
    simulation = Simulation(seed=6, settings=SETTINGS)
    first, second = simulation.populate(2)
    simulation.advance(5)
    item = version(b"item")
    assert publish(simulation, first, item) == 1
    simulation.remove(first)
    assert resolve(simulation, second, item) == item
    assert put(simulation, second, b"nobody is left to store it") == 0


def test_a_key_that_one_network_floods_loses_nothing_of_others() -> None:
    """Through the node, as strangers send it: their own share of checks does not take others'."""
    settings = Settings(first_looks=0, max_item_bytes=50_000)
    simulation = Simulation(seed=7, settings=settings)
    nodes = simulation.populate(20)
    items = [version(b"item %d" % number, salt=b"%d" % number) for number in range(10)]
    for number, item in enumerate(items):
        assert publish(simulation, nodes[number], item) >= 8
    for number in range(120):
        source = simulation.add(compact.pack(f"66.6.6.{number % 200 + 1}", 7000 + number))
        simulation.bootstrap(source, [simulation.address_of(nodes[number % 20])])
        put(simulation, source, b"%d" % number * 200)
        simulation.remove(source)
    assert all(resolve(simulation, reader, item) == item for item in items for reader in nodes[:3])
    assert all(node.items.stored.size <= 50_000 for node in nodes)
