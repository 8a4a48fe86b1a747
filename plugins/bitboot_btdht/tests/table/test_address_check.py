"""Whom the check of our outside address asks, and when."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
from bitboot_btdht.table.address_check import ASKED, PAUSE, PING_EVERY, AddressCheck
from bitboot_btdht.table.external import QUORUM
from bitboot_btdht.table.routing import RoutingTable
from bitboot_btdht.wire import compact

from ..scripted import OWN, Scripted, at, id_of

US = compact.pack("93.184.216.34", 6881)
MOVED = compact.pack("93.184.216.99", 6881)


class Checking:
    """A check beside a table with a contact in each of so many networks, the first one silent longest."""

    def __init__(self, contacts: int) -> None:
        self.network = Scripted()
        self.table = RoutingTable(OWN, Settings(k=100), 0.0)
        self.numbers = [256 * place + 1 for place in range(1, contacts + 1)]
        for when, number in enumerate(self.numbers, 1):
            self.table.answered(id_of(number), at(number), float(when), 0.1)
        self.elected: list[int] = []
        self.check = AddressCheck(self.network, {4: self.table}, self.elected.append, random.Random(1), 0.0)

    def vote(self, first: int, count: int, claim: bytes, now: float) -> None:
        for number in range(first, first + count):
            self.check.vote(4, public_address(number), claim, now)

    def asked(self) -> list[int]:
        """The numbers of those who were pinged."""
        assert all(asked.method == b"ping" and asked.arguments == {} for asked in self.network.asked)
        return [next(n for n in self.numbers if at(n) == asked.address) for asked in self.network.asked]


def test_somebody_is_pinged_now_and_then() -> None:
    checking = Checking(5)
    for seed in range(20):
        check = AddressCheck(checking.network, {}, checking.elected.append, random.Random(seed), 0.0)
        assert PING_EVERY / 2 <= check.next_due <= PING_EVERY
    checking.check.poll(100.0)
    assert checking.check.next_due == 100.0 + PING_EVERY
    assert checking.asked() == checking.numbers[:1], "who has been silent longest"


@pytest.mark.parametrize("outcome", ["lose", "refuse", "answer"])
def test_three_are_tried_until_one_says_where_it_sees_us(outcome: str) -> None:
    checking = Checking(5)
    checking.check.poll(100.0)
    for number in checking.numbers[:3]:
        if outcome == "answer":
            checking.network.last(number).answer(number)
        else:
            getattr(checking.network.last(number), outcome)()
    assert checking.asked() == checking.numbers[:3]


def test_one_that_says_where_it_sees_us_is_enough() -> None:
    checking = Checking(5)
    checking.check.poll(100.0)
    first, second = checking.numbers[:2]
    checking.network.last(first).lose()
    checking.network.last(second).answer(second, sees_us=US)
    assert checking.asked() == [first, second]


def test_bad_contacts_are_not_pinged() -> None:
    checking = Checking(3)
    for _ in range(2):
        checking.table.failed(at(checking.numbers[0]))
    checking.check.poll(100.0)
    assert checking.asked() == checking.numbers[1:2]


def test_without_contacts_nobody_is_asked() -> None:
    checking = Checking(0)
    checking.check.poll(100.0)
    checking.vote(0, QUORUM, US, 100.0)
    checking.vote(50, 1, MOVED, 101.0)
    assert checking.network.asked == []


def test_where_one_disagrees_one_of_each_network_is_asked_and_what_they_say_counts() -> None:
    checking = Checking(ASKED + 4)
    neighbour = checking.numbers[-1] + 1
    checking.table.answered(id_of(neighbour), at(neighbour), 0.5, 0.1)
    checking.vote(0, QUORUM, US, 0.0)
    assert checking.elected == [4]
    assert checking.network.asked == []
    checking.vote(50, 1, MOVED, 10.0)
    assert checking.asked() == checking.numbers[: -ASKED - 1 : -1], "those heard of last"
    checking.vote(51, QUORUM - 1, MOVED, 40.0)
    assert len(checking.network.asked) == ASKED, "not again while they are being asked"
    assert checking.elected == [4], "half of the votes are from before"
    for asked in checking.network.asked[:-1]:
        asked.lose()
    assert checking.elected == [4]
    checking.network.asked[-1].lose()
    assert checking.elected == [4, 4]
    assert checking.check.external[4].ip == MOVED[:-2]


def test_such_rounds_are_rare() -> None:
    checking = Checking(2)
    checking.vote(0, QUORUM, US, 0.0)
    checking.vote(50, 1, MOVED, 10.0)
    for asked in list(checking.network.asked):
        asked.lose()
    checking.vote(60, 1, compact.pack("93.184.216.1", 1), 10.0 + PAUSE - 1)
    assert len(checking.network.asked) == 2
    checking.vote(60, 1, compact.pack("93.184.216.2", 1), 10.0 + PAUSE)
    assert len(checking.network.asked) == 4


def test_with_no_room_for_queries_a_round_ends_at_once() -> None:
    checking = Checking(3)
    checking.network.is_full = True
    checking.vote(0, QUORUM, US, 0.0)
    checking.vote(50, 1, MOVED, 10.0)
    checking.network.is_full = False
    checking.vote(51, 1, MOVED, 10.0 + PAUSE)
    assert len(checking.network.asked) == 3
