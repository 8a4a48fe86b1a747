"""How a lookup begins at contacts of which only the address is known, query by query."""

from __future__ import annotations

import pytest
from bitboot_btdht.lookup.opening import AT_ONCE, Opening
from bitboot_btdht.lookup.sampled import SampledSearch
from bitboot_btdht.lookup.side_paths import LONGEST
from bitboot_btdht.wire import compact
from bitboot_btdht.wire.compact import Address

from ..scripted import Scripted, at, id_of, nodes

TARGET = b"\0" * 20
PEER = at(900)


class Opened:
    """A lookup whose node knows nobody, begun at these contacts."""

    def __init__(self, *contacts: int | Address, **settings: int) -> None:
        self.network = Scripted(families=(4,), **settings)
        self.found: list[Address] = []
        self.ended: list[bool] = []
        self.search = SampledSearch(
            self.network, TARGET, 4, self.found.extend, lambda: self.ended.append(True)
        )
        addresses = [one if isinstance(one, bytes) else at(one) for one in contacts]
        self.search.opening = Opening(self.search, addresses)
        self.search.start()

    @property
    def asked(self) -> list[Address]:
        return [asked.address for asked in self.network.asked]


def test_the_first_are_asked_the_lookups_own_question_at_once() -> None:
    opened = Opened(*range(1, 51), 1)
    assert opened.asked == [at(number) for number in range(1, AT_ONCE + 1)]
    assert {asked.method for asked in opened.network.asked} == {b"get_peers"}
    assert not opened.ended


def test_another_is_asked_for_each_that_is_slow_or_refuses() -> None:
    opened = Opened(*range(1, 51))
    opened.network.last(1).is_slow()
    assert opened.asked[AT_ONCE:] == [at(AT_ONCE + 1)]
    opened.network.last(2).refuse()
    assert opened.asked[AT_ONCE:] == [at(AT_ONCE + 1), at(AT_ONCE + 2)]
    assert opened.search.replies == 1, "a refusal is a reply"


def test_what_one_tells_is_followed_at_once_and_its_peers_are_passed_on() -> None:
    opened = Opened(1, 2)
    opened.network.last(1).answer(1, values=[PEER], nodes=nodes(3, 2))
    assert opened.found == [PEER]
    assert opened.asked == [at(1), at(2), at(3)], "2 is asked already"
    opened.network.last(3).answer(3)
    assert not opened.ended, "2 may answer yet"
    opened.network.last(2).answer(2, nodes=nodes(4))
    assert opened.asked[3:] == [at(4)]
    opened.network.last(4).answer(4)
    assert opened.ended == [True]
    assert not opened.search.traversal.outside


def test_it_ends_where_few_are_there_and_all_have_answered() -> None:
    opened = Opened(1)
    opened.network.last(1).answer(1)
    assert opened.ended == [True]


def test_it_ends_where_all_are_gone() -> None:
    opened = Opened(1, 2)
    for number in (1, 2):
        opened.network.last(number).is_slow()
        opened.network.last(number).lose()
    assert opened.ended == [True]
    assert (opened.search.asked, opened.search.replies) == (2, 0)


def test_a_slow_one_s_answer_still_counts() -> None:
    opened = Opened(1, 2)
    opened.network.last(1).is_slow()
    opened.network.last(1).answer(1, values=[PEER])
    assert opened.found == [PEER]


def test_one_that_was_slow_and_is_told_of_is_asked_like_any_other_and_once() -> None:
    opened = Opened(1, 2)
    first = opened.network.last(1)
    first.is_slow()
    opened.network.last(2).answer(2, nodes=nodes(1))
    assert opened.network.to(1, b"get_peers") == 2
    first.answer(1)
    opened.network.last(1).answer(1)
    assert opened.ended == [True]
    assert [candidate.address for candidate in opened.search.traversal.answers] == [at(1), at(2)]


def test_once_k_have_answered_the_others_are_not_waited_for() -> None:
    opened = Opened(*range(1, 60), k=4, side_paths=0)
    for number in range(1, 5):
        opened.network.last(number).answer(number)
    assert opened.ended == [True]
    assert len(opened.asked) == AT_ONCE, "nobody else is asked"
    opened.network.last(9).answer(9, values=[PEER])
    assert not opened.found


def test_of_one_subnet_no_more_are_asked_than_a_lookup_takes() -> None:
    crowd = [compact.pack(f"20.0.0.{number}", 6881) for number in range(1, 20)]
    others = [compact.pack(f"20.0.{number}.1", 6881) for number in range(1, 4)]
    opened = Opened(*crowd, *others, nodes_per_subnet=3)
    assert opened.asked == [*crowd[:3], *others]


def test_those_known_to_be_dead_are_left_out() -> None:
    network = Scripted()
    network.dead = {at(1)}
    search = SampledSearch(network, TARGET, 4, lambda _: None, lambda: None)
    search.opening = Opening(search, [at(1), at(2)])
    search.start()
    assert [asked.address for asked in network.asked] == [at(2)]


def test_a_lookup_asks_no_more_than_it_may() -> None:
    opened = Opened(*range(1, 60), max_queries_per_lookup=5)
    assert len(opened.asked) == 5
    for number in range(1, 6):
        opened.network.last(number).is_slow()
        opened.network.last(number).lose()
    assert len(opened.asked) == 5
    assert opened.ended == [True]


def test_with_no_room_for_queries_it_ends() -> None:
    network, ended = Scripted(), list[bool]()
    network.is_full = True
    search = SampledSearch(network, TARGET, 4, lambda _: None, lambda: ended.append(True))
    search.opening = Opening(search, [at(1)])
    search.start()
    assert ended == [True]


@pytest.mark.parametrize(("answers", "hops"), [(1, LONGEST), (4, 0)])
def test_side_paths_go_on_from_the_first_that_answer(answers: int, hops: int) -> None:
    opened = Opened(*range(1, 9), side_paths=3)
    for number in range(1, answers + 1):
        opened.network.last(number).answer(number)
    last = next(one for one in opened.search.traversal.answers if one.address == at(answers))
    assert last.hops == hops
    assert last.id == id_of(answers)


def test_cancelled_it_asks_nobody_and_calls_nobody() -> None:
    opened = Opened(*range(1, 50))
    opened.search.cancel()
    assert not opened.network.last(1).is_wanted()
    before = len(opened.asked)
    opened.network.last(1).answer(1, values=[PEER], nodes=nodes(60))
    opened.network.last(2).is_slow()
    opened.network.last(3).lose()
    assert (len(opened.asked), opened.found, opened.ended) == (before, [], [])
