"""The vote on our outside address, and how soon a change of it is noticed."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.simulation import Program, Simulation, public_address
from bitboot_btdht.table.address_check import ASKED, PAUSE, PING_EVERY
from bitboot_btdht.table.external import MAX_VOTERS, MOMENT, QUORUM, ExternalAddress
from bitboot_btdht.wire import compact

HASH = b"h" * 20
US = compact.pack("93.184.216.34", 6881)


def test_enough_networks_that_agree_elect_our_address() -> None:
    external = ExternalAddress()
    changes = [external.vote(public_address(number), US, 0.0) for number in range(QUORUM)]
    assert changes == [False] * (QUORUM - 1) + [True]
    assert external.ip == US[:-2]
    assert not external.vote(public_address(99), US, 0.0), "nothing new"


def test_one_network_has_one_vote() -> None:
    external = ExternalAddress()
    for host in range(1, 200):
        external.vote(compact.pack(f"20.1.1.{host}", 6881), US, 0.0)
    assert external.ip is None


@pytest.mark.parametrize(
    "claim",
    [None, b"", b"odd", compact.pack("192.168.1.5", 1), compact.pack("127.0.0.1", 1), compact.pack("::1", 1)],
)
def test_nonsense_and_local_addresses_do_not_count(claim: bytes | None) -> None:
    external = ExternalAddress()
    for number in range(50):
        external.vote(public_address(number), claim, 0.0)
    assert external.ip is None


def test_neighbours_on_the_lan_have_no_vote() -> None:
    external = ExternalAddress()
    for number in range(50):
        external.vote(compact.pack(f"192.168.{number}.1", 6881), US, 0.0)
    assert external.ip is None


def test_a_minority_of_liars_elects_nobody() -> None:
    external = ExternalAddress()
    rng = random.Random(1)
    lie = compact.pack("1.2.3.4", 1)
    voters = [(public_address(number), US) for number in range(20)]
    voters += [(public_address(100 + number), lie) for number in range(10)]
    rng.shuffle(voters)
    for voter, claim in voters:
        external.vote(voter, claim, 0.0)
    assert external.ip == US[:-2]


def test_a_new_address_is_noticed() -> None:
    external = ExternalAddress()
    for number in range(MAX_VOTERS):
        external.vote(public_address(number), US, 0.0)
    moved = compact.pack("93.184.216.99", 6881)
    changes = [external.vote(public_address(number), moved, 1.0) for number in range(MAX_VOTERS)]
    assert changes.count(True) == 1
    assert external.ip == moved[:-2]


def test_votes_from_before_a_recount_count_no_more() -> None:
    external = ExternalAddress()
    for number in range(MAX_VOTERS):
        external.vote(public_address(number), US, 0.0)
    assert not external.in_doubt
    moved = compact.pack("93.184.216.99", 6881)
    assert not any(external.vote(public_address(number), moved, 1.0) for number in range(QUORUM))
    assert external.in_doubt
    assert external.recount(since=1.0)
    assert (external.ip, external.in_doubt) == (moved[:-2], False)


def test_a_recount_with_too_few_votes_decides_nothing() -> None:
    external = ExternalAddress()
    for number in range(MAX_VOTERS):
        external.vote(public_address(number), US, 0.0)
    external.vote(public_address(0), compact.pack("93.184.216.99", 6881), 1.0)
    assert not external.recount(since=1.0)
    assert (external.ip, external.in_doubt) == (US[:-2], True)


def ports_seen(ports: list[int], *, every: float = 0.0) -> int | None:
    """Which port is elected where this many networks see us at these, one after the other."""
    external = ExternalAddress()
    for number, port in enumerate(ports):
        external.vote(public_address(number), compact.with_port(US, port), number * every)
    return external.port


@pytest.mark.parametrize(
    ("ports", "port"),
    [
        ([6881] * QUORUM, 6881),
        ([6881] * (QUORUM - 1), None),
        (list(range(1001, 1001 + QUORUM)), 0),
        (list(range(1001, 1000 + QUORUM)), None),
        ([6881] * 9 + list(range(1001, 1009)), 6881),
        (list(range(1001, 1009)) + [6881] * 16, 6881),
        ([6881] * 3 + list(range(1001, 1009)), 0),
        ([1001, 1002] * QUORUM, None),
        ([0] * 20, None),
    ],
)
def test_one_port_for_all_or_another_for_each(ports: list[int], port: int | None) -> None:
    assert ports_seen(ports) == port


def test_a_nat_that_forgets_is_not_one_with_many_ports() -> None:
    """An idle node asks somebody now and then, and is seen at a new port each time."""
    ports = list(range(1001, 1001 + MAX_VOTERS))
    assert ports_seen(ports, every=MOMENT) is None
    assert ports_seen(ports, every=MOMENT / QUORUM) == 0


def test_one_network_has_one_vote_on_the_port() -> None:
    external = ExternalAddress()
    for number in range(QUORUM):
        external.vote(public_address(number), US, 0.0)
    for port in range(1001, 1200):
        external.vote(compact.pack("20.1.1.5", 6881), compact.with_port(US, port), 0.0)
    assert external.port == 6881


def test_a_new_address_has_a_new_port() -> None:
    external = ExternalAddress()
    for number in range(MAX_VOTERS):
        external.vote(public_address(number), US, 0.0)
    moved = compact.pack("93.184.216.99", 7000)
    for number in range(MAX_VOTERS):
        external.vote(public_address(number), moved, 1.0)
    assert (external.ip, external.port) == (moved[:-2], 7000)


def test_the_port_at_the_old_address_says_nothing_of_the_new_one() -> None:
    external = ExternalAddress()
    for number in range(QUORUM):
        external.vote(public_address(number), US, 0.0)
    moved = compact.pack("93.184.216.99", 7000)
    for number in range(QUORUM):
        external.vote(public_address(number), moved, 1000.0 + number * MOMENT)
    assert (external.ip, external.port) == (moved[:-2], None)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.once) for seed in range(1, 5))])
def test_a_changed_address_is_noticed_and_announced_within_a_minute_by_an_idle_node(seed: int) -> None:
    """Two of three votes are of before the change, and nothing but its upkeep asks anybody."""
    simulation = Simulation(seed=seed)
    nodes = simulation.populate(60)
    program = Program(simulation, nodes[5])
    program.start()
    program.join(HASH)
    simulation.advance(3600 + 7 * seed)
    assert nodes[5].external[4].ip == simulation.address_of(nodes[5])[:-2]
    moved = public_address(7777)
    simulation.move(nodes[5], moved)
    simulation.advance(60)
    assert nodes[5].external[4].ip == moved[:-2]
    assert simulation.find(nodes[20], HASH) >= {compact.with_port(moved, program.port)}


@pytest.mark.once
def test_it_is_noticed_as_soon_with_one_datagram_in_five_lost() -> None:
    simulation = Simulation(seed=6, loss=0.2)
    nodes = simulation.populate(40)
    simulation.advance(300)
    moved = {node: public_address(7000 + number) for number, node in enumerate(nodes[5:15])}
    for node, address in moved.items():
        simulation.move(node, address)
    simulation.advance(60)
    noticed = [node.external[4].ip == address[:-2] for node, address in moved.items()]
    assert noticed.count(True) >= 9


@pytest.mark.once
def test_one_liar_moves_nobody_and_keeps_nobody_busy() -> None:
    """It says something else each time it is asked."""
    simulation = Simulation(seed=8)
    nodes = simulation.populate(60)
    simulation.advance(1800)
    node, liar = nodes[5], nodes[6]
    before = simulation.address_of(node)[:-2]
    rng = random.Random(1)
    sent = node.counters.sent
    seconds = 600
    for _ in range(seconds):
        claim = compact.pack(f"93.184.216.{rng.randrange(256)}", 1)
        node._surroundings._address_check.vote(4, simulation.address_of(liar), claim, simulation.now)
        simulation.flush(node)
        simulation.advance(1)
    assert node.external[4].ip == before
    # answers to the others' lookups of their upkeep and its own come on top
    assert node.counters.sent - sent < seconds / PAUSE * ASKED + 3 * seconds / PING_EVERY + 400


@pytest.mark.once
def test_a_node_that_nobody_talks_to_pings_one_contact_at_a_time() -> None:
    """The one that has been silent longest; the next one only where that does not say where it sees us."""
    simulation = Simulation(seed=9)
    nodes = simulation.populate(30)
    simulation.advance(1200)
    pings: list[float] = []
    source = simulation.address_of(nodes[5])

    def count(now: float, sender: bytes, target: bytes, datagram: bytes) -> None:
        if sender == source and b"1:q4:ping" in datagram:
            pings.append(now)

    simulation.on_datagram = count
    simulation.advance(600)
    assert 600 / PING_EVERY - 1 <= len(pings) <= 600 / PING_EVERY + 6
