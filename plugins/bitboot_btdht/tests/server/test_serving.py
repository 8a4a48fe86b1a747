"""Whether a node serves, as its addresses and its callers have it."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.own_machine import OwnMachine
from bitboot_btdht.server.serving import LOOK_EVERY, Serving
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
from bitboot_btdht.table.acquaintances import Acquaintances
from bitboot_btdht.table.external import QUORUM, ExternalAddress
from bitboot_btdht.table.reach import Reach
from bitboot_btdht.wire import compact, krpc

from bitboot_core import KnownHost

from ..conftest import Stranger

OUTSIDE = compact.pack("93.184.216.34", 6881)
STRANGER = public_address(9000)
LATER = Settings().nat_memory + 1.0


class Machine:
    """One with these addresses: it writes to the internet from the first."""

    def __init__(self, *hosts: str) -> None:
        self.ips = [compact.pack(host, 0)[:-2] for host in hosts]
        self.asked = 0

    def outward(self, family: int) -> bytes | None:
        self.asked += 1
        return self.ips[0] if self.ips else None

    def has(self, ip: bytes) -> bool:
        return ip in self.ips


class World:
    """A node on a machine, with what its vote and its callers say."""

    def __init__(self, machine: Machine | None) -> None:
        self.external = ExternalAddress()
        self.reach = Reach(self.external, Acquaintances(Settings(), 0.0), 0.0)
        self.serving = Serving(4, self.reach, machine)

    def is_seen_at(self, address: bytes) -> None:
        for number in range(QUORUM):
            self.external.vote(public_address(number), address, 0.0)


@pytest.mark.parametrize(
    ("hosts", "seen_at", "serves"),
    [
        (["93.184.216.34"], None, True),
        (["93.184.216.34"], "93.184.216.34", True),
        (["93.184.216.34"], "93.184.216.99", False),
        (["93.184.216.34", "93.184.216.99"], "93.184.216.99", True),
        (["192.168.1.5"], None, False),
        (["192.168.1.5"], "93.184.216.34", False),
        (["192.168.1.5", "93.184.216.34"], "93.184.216.34", False),
        (["100.64.0.7"], None, False),
        ([], None, True),
    ],
    ids=[
        "a public address",
        "others see it there",
        "others see another",
        "others see its second address",
        "a private address",
        "behind a NAT",
        "it writes through a NAT all the same",
        "behind a carrier's NAT",
        "no way to the internet",
    ],
)
def test_what_its_addresses_say(hosts: list[str], seen_at: str | None, serves: bool) -> None:
    world = World(Machine(*hosts))
    if seen_at is not None:
        world.is_seen_at(compact.pack(seen_at, 6881))
    assert world.serving.is_on(0.0) is serves


def test_where_nothing_is_known_of_the_machine_no_nat_is_assumed() -> None:
    assert World(None).serving.is_on(0.0)


def test_behind_a_nat_it_serves_once_a_stranger_has_called_and_until_it_moves() -> None:
    world = World(Machine("192.168.1.5"))
    world.is_seen_at(OUTSIDE)
    world.reach.called(STRANGER, LATER)
    assert world.serving.is_on(LATER)
    world.reach.moved()
    assert not world.serving.is_on(LATER)


@pytest.mark.parametrize(
    ("seen_at", "serves"),
    [(None, True), (OUTSIDE, True), (compact.with_port(OUTSIDE, 7000), False)],
    ids=["nobody has said where", "there", "at another port"],
)
def test_behind_a_nat_it_serves_where_a_router_opens_the_port_that_others_see(
    seen_at: bytes | None, serves: bool
) -> None:
    world = World(Machine("192.168.1.5"))
    if seen_at is not None:
        world.is_seen_at(seen_at)
    world.serving.mapped_port = 6881
    assert world.serving.is_on(0.0) is serves


def test_the_machine_is_asked_now_and_then_and_when_the_vote_has_changed() -> None:
    machine = Machine("192.168.1.5")
    world = World(machine)
    for now in (0.0, 1.0, LOOK_EVERY - 0.1):
        assert not world.serving.is_on(now)
    assert machine.asked == 1
    world.is_seen_at(OUTSIDE)
    assert not world.serving.is_on(LOOK_EVERY - 0.1)
    assert machine.asked == 2
    machine.ips = [OUTSIDE[:-2]]
    assert world.serving.is_on(2 * LOOK_EVERY)
    assert machine.asked == 3


# In a node: what goes out


@pytest.fixture
def node() -> Node:
    node = Node(now=0.0, rng=random.Random(1), machine=Machine("192.168.1.5"))
    for number in range(node.settings.k):
        node.tables[4].answered(bytes([number]) * 20, public_address(100 + number), 0.0, 0.1)
    return node


def is_flagged(node: Node, address: bytes) -> bool:
    """Whether a query to an address says that the node is read-only (BEP 43)."""
    node.query(address, b"ping", {}, lambda _: None, now=node.now)
    ((datagram, _),) = node.outgoing()
    query = krpc.parse(datagram, address)
    assert isinstance(query, krpc.Query)
    return query.read_only


def test_behind_a_nat_it_says_so_and_answers_nobody_on_the_internet(node: Node) -> None:
    assert not node.is_serving(4)
    assert is_flagged(node, public_address(1))
    stranger = Stranger(node)
    assert stranger.raw_query(b"ping") == []
    assert stranger.send(b"d1:q4:ping1:t2:aa1:y1:qe") == [], "nor what is malformed"
    assert node.tables[4].get(stranger.address) is None


def test_while_it_knows_hardly_anybody_it_answers_all_and_still_asks_not_to_be_called() -> None:
    node = Node(now=0.0, rng=random.Random(1), machine=Machine("192.168.1.5"))
    Stranger(node).befriend()
    assert len(node.tables[4]) == 1
    assert is_flagged(node, public_address(1))
    node = Node(now=0.0, read_only=True)
    assert Stranger(node).raw_query(b"ping") == [], "unless it is told to serve nobody"


def test_on_its_own_network_it_serves_all_the_same(node: Node) -> None:
    assert not is_flagged(node, compact.pack("192.168.1.6", 6881))
    neighbour = Stranger(node, "192.168.1.7", id_=node.id[:19] + bytes([node.id[19] ^ 1]))
    neighbour.befriend()
    assert node.tables[4].get(neighbour.address) is not None


def test_the_stranger_that_shows_the_way_in_is_answered_already(node: Node) -> None:
    stranger = Stranger(node)
    stranger.now = LATER
    assert stranger.query(b"ping")[b"y"] == b"r"
    assert node.is_serving(4)
    assert not is_flagged(node, public_address(1))


def test_a_port_that_the_router_opens_and_closes(node: Node) -> None:
    node.mapped_at({4: 6881})
    assert node.is_serving(4)
    assert not is_flagged(node, public_address(1))
    node.mapped_at({6: 6881})
    assert not node.is_serving(4)


def test_whom_it_wrote_to_shows_nothing(node: Node) -> None:
    stranger = Stranger(node)
    is_flagged(node, stranger.address)
    stranger.now = LATER
    assert stranger.raw_query(b"ping") == []
    assert not node.is_serving(4)


def test_told_to_serve_nobody_it_does_so_everywhere() -> None:
    node = Node(now=0.0, read_only=True, machine=Machine("93.184.216.34"))
    assert not node.is_serving(4)
    assert is_flagged(node, public_address(1))
    assert is_flagged(node, compact.pack("192.168.1.6", 6881))


# The machine itself


def test_a_node_on_an_address_of_its_own_choice_writes_from_there() -> None:
    machine = OwnMachine(KnownHost("93.184.216.34", 6881))
    assert machine.outward(4) == OUTSIDE[:-2]
    assert machine.outward(6) is None


def test_a_node_on_loopback_has_no_way_to_the_internet() -> None:
    assert OwnMachine(KnownHost("127.0.0.1", 0)).outward(4) is None


def test_the_system_knows_its_own_addresses() -> None:
    machine = OwnMachine(None)
    assert machine.has(compact.pack("127.0.0.1", 0)[:-2])
    assert not machine.has(OUTSIDE[:-2])
    own = machine.outward(4)
    assert own is None or machine.has(own)
