"""The simulator itself: what it promises about datagrams, sessions and hostile nodes."""

from __future__ import annotations

import hashlib
import os
import random
import statistics
import subprocess
import sys

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.simulation import Churn, Mute, Program, Sessions, Simulation, lognormal, public_address
from bitboot_btdht.wire.compact import Address, with_port

HASH = hashlib.sha1(b"a swarm").digest()

TRACE = """
import hashlib
from bitboot_btdht.simulation import Churn, Program, Sessions, Simulation, lognormal

trace = hashlib.sha1()
simulation = Simulation(seed={seed}, loss=0.1, duplication=0.1, latency=lognormal(0.05, 0.5))
simulation.on_datagram = lambda *seen: trace.update(repr(seen).encode())
nodes = simulation.populate(25)
Churn(simulation, Sessions(600), come=simulation.add, leave=simulation.remove).begin(nodes[5:])
program = Program(simulation, nodes[0])
program.start()
program.join(b"h" * 20)
simulation.advance(300)
print(simulation.delivered, trace.hexdigest())
"""


def trace(seed: int, hash_seed: str) -> str:
    """What a whole run in a process of its own comes to."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    code = TRACE.format(seed=seed)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.once
def test_the_same_seed_gives_the_same_datagrams_in_every_process() -> None:
    """Whatever the order of Python's sets, which is another in each process."""
    first = trace(5, "1")
    assert int(first.split()[0]) > 1000
    assert trace(5, "2") == first
    assert trace(6, "1") != first


def test_a_partition_lets_nothing_through_until_it_ends() -> None:
    simulation = Simulation(seed=1)
    nodes = simulation.populate(20)
    sides = [[simulation.address_of(node) for node in half] for half in (nodes[:10], nodes[10:])]
    simulation.network.partition(*sides)
    seen: list[tuple[Address, Address]] = []
    simulation.on_datagram = lambda now, source, target, datagram: seen.append((source, target))
    simulation.advance(1)  # what was on its way
    seen.clear()
    simulation.find(nodes[0], HASH)
    assert seen
    assert all((source in sides[0]) == (target in sides[0]) for source, target in seen)
    seen.clear()
    simulation.network.merge()
    simulation.find_all(nodes, HASH)
    assert any((source in sides[0]) != (target in sides[0]) for source, target in seen)


def test_behind_a_nat_only_those_are_heard_who_were_asked() -> None:
    simulation = Simulation(seed=1)
    hidden, asked, stranger = simulation.add(), simulation.add(), simulation.add()
    simulation.network.put_behind_nat(simulation.address_of(hidden))
    assert simulation.bootstrap(hidden, [simulation.address_of(asked)]) == 1
    assert simulation.bootstrap(stranger, [simulation.address_of(hidden)]) == 0
    assert simulation.bootstrap(asked, [simulation.address_of(hidden)]) == 1, "its NAT knows this one"
    way = simulation.address_of(asked), simulation.address_of(hidden)
    assert simulation.network.lets_in(*way, simulation.now + 110)
    assert not simulation.network.lets_in(*way, simulation.now + 121), "and forgets it again"


def test_delays_are_drawn_from_what_was_said() -> None:
    rng = random.Random(1)
    draw = lognormal(0.05, 0.5)
    delays = [draw(rng) for _ in range(5000)]
    assert statistics.median(delays) == pytest.approx(0.05, rel=0.05)
    assert statistics.quantiles(delays, n=40)[-1] == pytest.approx(0.05 * 2.66, rel=0.1)
    assert max(delays) <= 2.0


def test_sessions_are_weibull_distributed_and_the_network_stays_as_churned() -> None:
    """Half the network an hour; and those who are met at random stay longer than those who come."""
    sessions = Sessions.for_churn(0.5)
    rng = random.Random(1)
    lengths = [sessions.draw(rng) for _ in range(20_000)]
    assert statistics.mean(lengths) == pytest.approx(7200, rel=0.05)
    assert statistics.median(lengths) == pytest.approx(43 * 60, rel=0.05)
    assert sum(length < 3600 for length in lengths) / len(lengths) == pytest.approx(0.57, abs=0.02)
    # In balance as many leave in the first minute as in any other: a share of 1 in 120 minutes.
    rests = [sessions.draw_rest(rng) for _ in range(100_000)]
    assert sum(rest < 60 for rest in rests) / len(rests) == pytest.approx(1 / 120, rel=0.1)


@pytest.mark.once
def test_churn_replaces_whoever_leaves() -> None:
    simulation = Simulation(seed=1)
    nodes = set(simulation.populate(30))
    churn = Churn(
        simulation, Sessions.for_churn(0.5), come=lambda: arrive(simulation), leave=simulation.remove
    )
    churn.begin(nodes)
    simulation.advance(2 * 3600)
    assert len(simulation.participants) == 30
    assert 15 <= churn.left <= 45
    assert sum(node in nodes for node in simulation.participants.values()) < 25
    churn.end()
    before = churn.left
    simulation.advance(3600)
    assert churn.left == before


def arrive(simulation: Simulation) -> Node:
    """A newcomer who joins through somebody who is there."""
    contact = simulation.rng.choice(list(simulation.participants))
    node = simulation.add()
    node.bootstrap([contact], lambda answered: None, now=simulation.now)
    simulation.flush(node)
    return node


def test_who_leaves_in_the_middle_is_not_waited_for() -> None:
    simulation = Simulation(seed=1)
    nodes = simulation.populate(20)
    simulation.announce(nodes[0], HASH)
    leaves, stays = nodes[3:5]
    simulation.after(0.05, lambda: simulation.remove(leaves))
    found = simulation.find_all([leaves, stays], HASH)
    assert (len(found), len(found[1])) == (2, 1)
    leaves, stays = nodes[5:7]
    simulation.after(0.05, lambda: simulation.remove(leaves))
    stored = simulation.announce_each([leaves, stays], HASH)
    assert (stored[leaves], stored[stays]) == (0, 8)


def test_a_mute_node_asks_and_answers_nobody() -> None:
    simulation = Simulation(seed=1)
    nodes = simulation.populate(20)
    simulation.announce(nodes[3], HASH, 7000)
    address = simulation.address_of(nodes[7])
    simulation.put(address, Mute(nodes[7]))
    answered: list[object] = []
    nodes[2].query(address, b"ping", {}, answered.append, now=simulation.now)
    found: set[Address] = set()
    nodes[7].find_peers(HASH, found.update, lambda: None, now=simulation.now)
    simulation.flush(simulation.participants[address])
    simulation.flush(nodes[2])
    simulation.advance(10)
    assert answered == [None]
    assert found == {with_port(simulation.address_of(nodes[3]), 7000)}


@pytest.mark.once
def test_a_program_renews_for_as_long_as_it_runs() -> None:
    simulation = Simulation(seed=1)
    nodes = simulation.populate(20)
    program = Program(simulation, nodes[3], port=7000)
    program.join(HASH)
    program.start()
    for _ in range(8):
        simulation.advance(900)
        assert simulation.find(nodes[9], HASH) == {program.endpoint}
    program.stop()
    simulation.advance(1900)
    assert not simulation.find(nodes[9], HASH)


def test_a_program_keeps_trying_until_its_contact_is_there() -> None:
    simulation = Simulation(seed=1)
    contact = public_address(4000)
    program = Program(simulation, simulation.add(), contacts=[contact], port=7000)
    program.join(HASH)
    program.start()
    simulation.advance(900)
    assert not program.announced_at
    late = simulation.add(contact)
    simulation.advance(60)
    assert program.announced_at
    assert simulation.find(late, HASH) == {program.endpoint}
