"""What a round of upkeep asks for."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
from bitboot_btdht.table.routing import RoutingTable
from bitboot_btdht.table.upkeep import REFRESHES_PER_TICK, TICK, Neighbourhood, Upkeep
from bitboot_btdht.wire import bencode
from bitboot_btdht.wire.node_id import ID_BITS, common_prefix

from ..scripted import OWN, Scripted, at, id_of

DEPTH = 10


def full_table() -> Node:
    """A node whose table has a bucket for each of DEPTH distances, none of them heard of for 15 minutes."""
    node = Node(now=0.0, rng=random.Random(1), settings=Settings(first_looks=0))
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


# Asking on the table's behalf, query by query


class Keeping:
    """Upkeep of a table on a network that a test answers for."""

    def __init__(self, *contacts: int, now: float = 0.0, **settings: int) -> None:
        self.network = Scripted(*contacts, families=(4,), **settings)
        self.table = RoutingTable(OWN, self.network.settings, now)
        for number in contacts:
            self.table.answered(id_of(number), at(number), now, 0.1)
        self.expired: list[float] = []
        self.upkeep = Upkeep(self.network, {4: self.table}, self.expired.append, random.Random(1), now)

    def call(self, number: int) -> None:
        """Node `number`, on a local network, queries us."""
        self.upkeep.called(id_of(number), at(number), 0.0, is_reachable=True)

    def pings(self, number: int) -> int:
        return self.network.to(number, b"ping")

    def searches(self) -> list[bytes]:
        """What was looked for, each once."""
        return list(dict.fromkeys(asked.arguments.get(b"target", b"") for asked in self.network.asked))


def test_a_stranger_is_pinged_once_and_not_again_while_that_is_under_way() -> None:
    keeping = Keeping()
    keeping.call(1)
    keeping.call(1)
    assert keeping.pings(1) == 1
    keeping.network.last(1).lose()
    assert keeping.pings(1) == 1
    keeping.call(1)
    assert keeping.pings(1) == 2


def test_who_is_known_to_be_dead_is_not_pinged() -> None:
    keeping = Keeping()
    keeping.network.dead.add(at(1))
    keeping.call(1)
    assert keeping.network.asked == []


def test_only_so_many_strangers_are_pinged_at_once() -> None:
    keeping = Keeping(max_verifications=3)
    for number in range(1, 9):
        keeping.call(number)
    assert len(keeping.network.asked) == 3
    keeping.network.last(1).answer(1)
    keeping.call(9)
    assert keeping.pings(9) == 1


def test_what_could_not_be_sent_is_not_under_way() -> None:
    keeping = Keeping()
    keeping.network.is_full = True
    keeping.call(1)
    keeping.network.is_full = False
    keeping.call(1)
    assert keeping.pings(1) == 1


# Those who called first, on the internet

CALLER = public_address(77)
CALLERS_ID = OWN[:19] + b"\x01"
"""Near ours, so that there is a place for it."""

MEMORY = Settings().nat_memory
SETTLED = MEMORY + 1.0
"""When a node is no longer new itself."""


def asked_at(keeping: Keeping, address: bytes) -> int:
    return sum(asked.address == address for asked in keeping.network.asked)


def among(contacts: int) -> Keeping:
    """With so many contacts, eight for each distance."""
    keeping = Keeping()
    for number in range(contacts):
        depth, place = divmod(number, 8)
        far = int.from_bytes(OWN, "big") ^ (1 << (ID_BITS - 1 - depth)) ^ place
        keeping.table.answered(far.to_bytes(20, "big"), public_address(number), SETTLED, 0.1)
    assert len(keeping.table) == contacts
    return keeping


MANY = Settings().few_contacts


def test_a_caller_is_pinged_when_its_nat_has_forgotten_us() -> None:
    keeping = among(MANY)
    keeping.upkeep.called(CALLERS_ID, CALLER, SETTLED, is_reachable=False)
    keeping.upkeep.newcomers[4].wrote(CALLER, SETTLED + 10.0)
    assert not keeping.upkeep.may_enter(CALLER, SETTLED)
    keeping.upkeep.tick(SETTLED + MEMORY)
    assert asked_at(keeping, CALLER) == 0
    keeping.upkeep.tick(SETTLED + 10.0 + MEMORY)
    assert asked_at(keeping, CALLER) == 1
    keeping.upkeep.tick(SETTLED + 10.0 + 2 * MEMORY)
    assert asked_at(keeping, CALLER) == 1


@pytest.mark.parametrize(
    ("contacts", "now"),
    [(MANY, SETTLED - 2.0), (MANY - 1, SETTLED)],
    ids=["it is new itself", "it knows few"],
)
def test_a_node_that_is_new_or_nearly_alone_takes_callers_at_once_and_checks_later(
    contacts: int, now: float
) -> None:
    keeping = among(contacts)
    keeping.upkeep.called(CALLERS_ID, CALLER, now, is_reachable=False)
    assert asked_at(keeping, CALLER) == 1
    assert keeping.upkeep.may_enter(CALLER, now)
    keeping.table.answered(CALLERS_ID, CALLER, now, 0.1)
    keeping.network.asked[-1].answer(77)
    keeping.upkeep.tick(now + MEMORY)
    for _ in range(2):
        next(asked for asked in reversed(keeping.network.asked) if asked.address == CALLER).lose()
    assert asked_at(keeping, CALLER) == 3, "a contact is asked twice before it is given up"


def test_a_caller_for_whom_there_is_no_place_any_more_is_not_pinged() -> None:
    keeping = among(MANY)
    own = int.from_bytes(OWN, "big")
    depth = 1 << (ID_BITS - 1 - MANY // 8)  # there the next bucket will be
    keeping.upkeep.called((own ^ depth).to_bytes(20, "big"), CALLER, SETTLED, is_reachable=False)
    for place in (*range(1, 9), depth << 1):
        id_ = (own ^ depth ^ place).to_bytes(20, "big")
        keeping.table.answered(id_, public_address(100 + place % 100), SETTLED + MEMORY, 0.1)
    keeping.table.answered(CALLERS_ID, public_address(200), SETTLED + MEMORY, 0.1)
    keeping.upkeep.tick(SETTLED + MEMORY)
    assert asked_at(keeping, CALLER) == 0


def test_a_caller_that_is_known_to_be_reachable_does_not_wait() -> None:
    keeping = among(MANY)
    keeping.upkeep.called(CALLERS_ID, CALLER, SETTLED, is_reachable=True)
    assert asked_at(keeping, CALLER) == 1


def test_an_answer_does_not_revive_a_contact_that_others_may_not_reach() -> None:
    keeping = Keeping(*range(1, 6))
    keeping.table.answered(CALLERS_ID, CALLER, SETTLED, 0.1)
    keeping.table.failed(CALLER)
    assert keeping.upkeep.may_enter(CALLER, SETTLED), "it keeps its place: one datagram may be lost"
    keeping.table.failed(CALLER)
    assert not keeping.upkeep.may_enter(CALLER, SETTLED)


@pytest.mark.parametrize(("outcome", "pings"), [("lose", 2), ("refuse", 1), ("answer", 1)])
def test_a_contact_that_stands_in_the_way_is_pinged_twice_where_it_does_not_answer(
    outcome: str, pings: int
) -> None:
    keeping = Keeping(1)
    (contact,) = keeping.table
    keeping.upkeep.check(contact)
    for _ in range(pings):
        assert len(keeping.network.asked) == keeping.pings(1) > 0
        if outcome == "answer":
            keeping.network.last(1).answer(1)
        else:
            getattr(keeping.network.last(1), outcome)()
    assert keeping.pings(1) == pings


def test_a_round_forgets_what_is_out_of_date_and_plans_the_next_one() -> None:
    keeping = Keeping(now=100.0)
    assert 100.0 + TICK / 2 <= keeping.upkeep.next_tick <= 100.0 + TICK
    keeping.upkeep.tick(1800.0)
    assert keeping.expired == [1800.0]
    assert keeping.upkeep.next_tick == 1800.0 + TICK
    assert keeping.network.asked == [], "with an empty table there is nobody to ask"


def test_a_round_looks_for_our_neighbours_and_refreshes_what_is_stale() -> None:
    keeping = Keeping(1, first_looks=0)
    keeping.upkeep.tick(TICK)
    assert keeping.searches() == [OWN]
    keeping.upkeep.tick(TICK + 1)
    assert keeping.searches() == [OWN]
    keeping.network.asked.clear()
    keeping.upkeep.tick(1000.0)
    assert len(keeping.searches()) == 2, "our neighbours, and the only bucket"
    keeping.network.asked.clear()
    keeping.upkeep.tick(1001.0)
    assert keeping.network.asked == []


def test_a_newcomer_looks_some_ids_up_by_chance_and_then_no_more() -> None:
    keeping = Keeping(first_looks=2)
    keeping.upkeep.tick(0.0)
    assert keeping.searches() == [], "with nobody to ask it is put off"
    keeping.table.answered(id_of(1), at(1), 0.0, 0.1)
    keeping.network.known = (1,)
    looked: list[int] = []
    for number in range(1, 5):
        keeping.upkeep.tick(number * TICK)
        looked.append(len(set(keeping.searches()) - {OWN}))
    assert looked == [1, 2, 2, 2]


def test_who_is_lost_is_tried_again_and_joined_when_it_is_back() -> None:
    keeping = Keeping()
    keeping.upkeep.try_later(at(1), 0.0)
    keeping.upkeep.tick(59.0)
    assert keeping.network.asked == []
    keeping.upkeep.tick(60.0)
    keeping.network.last(1).lose()
    assert keeping.pings(1) == len(keeping.network.asked) == 1
    keeping.upkeep.tick(180.0)
    keeping.network.last(1).refuse()
    assert keeping.pings(1) == len(keeping.network.asked) == 2
    keeping.upkeep.tick(600.0)
    keeping.network.last(1).answer(1)
    assert keeping.network.to(1, b"find_node") == 1
    keeping.upkeep.tick(10_000.0)
    assert keeping.pings(1) == 3


@pytest.mark.parametrize(("contacts", "seconds", "joins"), [(2, 60, True), (40, 840, False), (40, 900, True)])
def test_whoever_was_lost_for_minutes_is_joined_only_where_few_are_known(
    contacts: int, seconds: int, joins: bool
) -> None:
    """A datagram or two were lost, and a lookup of our own id for each of those was a third of all upkeep."""
    keeping = Keeping(*range(10, 10 + contacts), first_looks=0, refresh_after=10_000, k=40)
    keeping.upkeep.try_later(at(1), 0.0)
    keeping.upkeep.tick(float(seconds))
    keeping.network.last(1).answer(1)
    assert (keeping.network.to(1, b"find_node") == 1) is joins


def test_bad_contacts_and_those_that_others_replaced_are_tried_again() -> None:
    keeping = Keeping(1, 2)
    for _ in range(2):
        keeping.table.failed(at(1))
    keeping.table.dropped.append(at(3))
    keeping.upkeep.tick(0.0)
    keeping.network.asked.clear()
    keeping.upkeep.tick(60.0)
    assert [keeping.pings(number) for number in (1, 2, 3)] == [1, 0, 1]
    assert not keeping.table.dropped


def test_an_address_of_a_family_that_we_do_not_speak_is_not_kept() -> None:
    keeping = Keeping()
    keeping.upkeep.try_later(public_address(1)[:-2] * 4 + b"\x1a\xe1", 0.0)
    keeping.upkeep.tick(60.0)
    assert keeping.network.asked == []


def test_the_neighbourhood_is_looked_over_ever_more_rarely() -> None:
    neighbourhood = Neighbourhood()
    looks = [now for now in range(0, 30_000, 60) if neighbourhood.is_due(8, float(now))]
    assert looks[:7] == [0, 60, 180, 420, 900, 1860, 3780]
    assert {later - earlier for earlier, later in pairwise(looks[6:])} == {3600}


def test_the_neighbourhood_is_looked_over_at_once_when_the_table_has_grown() -> None:
    neighbourhood = Neighbourhood()
    for now in (0.0, 60.0, 180.0):
        assert neighbourhood.is_due(8, now)
    assert not neighbourhood.is_due(10, 200.0), "by a quarter, and no more"
    assert neighbourhood.is_due(11, 200.0)
    assert not neighbourhood.is_due(13, 259.0)
    assert neighbourhood.is_due(13, 260.0), "and again soon"
