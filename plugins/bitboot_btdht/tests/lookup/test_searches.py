"""Searches, query by query: what they ask, and what of the replies they follow up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bitboot_btdht.lookup.announce import TokenSearch
from bitboot_btdht.lookup.item_found import ImmutableFound
from bitboot_btdht.lookup.items import ItemSearch
from bitboot_btdht.lookup.sampled import SampledSearch
from bitboot_btdht.lookup.scrape import Scrape
from bitboot_btdht.lookup.searches import NodeSearch, PeerSearch
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import compact
from bitboot_btdht.wire.compact import Address

from ..scripted import TURN, Scripted, at, id_of, nodes

TARGET = b"\0" * 20


class Searching:
    """A search for peers that has begun."""

    def __init__(self, *known: int, **settings: int) -> None:
        self.network = Scripted(*known, families=(4,), **settings)
        self.found: list[list[Address]] = []
        self.ended: list[bool] = []
        self.search = PeerSearch(self.network, TARGET, 4, self.found.append, lambda: self.ended.append(True))
        self.search.start()


def test_nodes_are_asked_for_and_peers_are() -> None:
    searching = Searching(5)
    asked = searching.network.last(5)
    assert (asked.method, asked.arguments, asked.turn) == (b"get_peers", {b"info_hash": TARGET}, TURN)
    network = Scripted(5)
    NodeSearch(network, TARGET, 4, lambda: None).start()
    asked = network.last(5)
    assert (asked.method, asked.arguments, asked.turn) == (b"find_node", {b"target": TARGET}, TURN)


def test_peers_are_passed_on_as_they_come_and_nodes_followed_up() -> None:
    searching = Searching(5)
    searching.network.last(5).answer(5, values=[at(100), at(101)], nodes=nodes(3))
    assert searching.found == [[at(100), at(101)]]
    searching.network.last(3).answer(3)
    assert searching.found == [[at(100), at(101)]], "a reply without peers is none to pass on"
    assert searching.ended == [True]
    assert (searching.search.asked, searching.search.replies) == (2, 2)


def test_peers_that_the_sender_has_no_business_to_know_are_left_out() -> None:
    searching = Searching(5)
    searching.network.last(5).answer(5, values=[compact.pack("127.0.0.1", 22), at(100)])
    assert searching.found == [[at(100)]]


def test_only_so_many_peers_of_one_reply_are_taken() -> None:
    searching = Searching(5, peers_taken_per_reply=3)
    searching.network.last(5).answer(5, values=[at(100 + number) for number in range(10)])
    assert searching.found == [[at(100), at(101), at(102)]]


def test_nodes_that_are_dead_or_unusable_or_local_to_the_teller_are_not_followed_up() -> None:
    searching = Searching(5, alpha=100)
    searching.network.dead = {at(2)}
    odd = [(id_of(6), compact.pack("127.0.0.1", 6881)), (id_of(7), compact.pack("10.0.0.7", 0))]
    searching.network.last(5).answer(5, nodes=nodes(2) + compact.pack_nodes(odd) + nodes(4))
    assert [asked.address for asked in searching.network.asked] == [at(5), at(4)]


def test_only_so_many_nodes_of_one_reply_are_taken() -> None:
    searching = Searching(100, alpha=100, k=50, nodes_taken_per_reply=3)
    searching.network.last(100).answer(100, nodes=nodes(*range(1, 10)))
    assert [asked.address for asked in searching.network.asked[1:]] == [at(1), at(2), at(3)]


@pytest.mark.parametrize(("token", "kept"), [(b"t", b"t"), (b"", None), (7, None), (None, None)])
def test_a_token_is_a_string_that_is_not_empty(token: object, kept: bytes | None) -> None:
    searching = Searching(5)
    searching.network.last(5).answer(5, token=token)
    assert [candidate.token for candidate in searching.search.traversal.answers] == [kept]


def test_an_error_reply_is_a_reply_and_no_answer() -> None:
    searching = Searching(5)
    searching.network.last(5).refuse()
    assert searching.search.replies == 1
    assert searching.search.traversal.answers == []
    assert searching.network.to(5, b"get_peers") == 1
    assert searching.ended == [True]


def test_who_is_silent_is_asked_once_more_and_counts_once() -> None:
    searching = Searching(5)
    searching.network.last(5).is_slow()
    assert not searching.ended
    searching.network.last(5).lose()
    assert searching.network.to(5, b"get_peers") == 2
    searching.network.last(5).lose()
    assert searching.network.to(5, b"get_peers") == 2
    assert (searching.search.asked, searching.search.replies) == (1, 0)
    assert searching.ended == [True]


def test_while_one_has_to_wait_for_its_turn_the_next_is_asked() -> None:
    network, ended = Scripted(1, 2, alpha=1), list[bool]()
    network.busy = {at(1)}
    NodeSearch(network, TARGET, 4, lambda: ended.append(True)).start()
    assert [asked.address for asked in network.asked] == [at(1), at(2)]
    network.last(2).answer(2)
    assert not ended, "it is waited for"
    network.last(1).answer(1)
    assert ended == [True]


def nothing(*_: object) -> None:
    """Nobody waits for it."""


def test_more_are_asked_at_once_where_somebody_waits_and_many_will_not_answer() -> None:
    many, few = Settings().hurried_alpha, Settings().alpha
    known, ended = range(1, 12), list[bool]()
    silent, calm, storing = (Scripted(*known, k=20) for _ in range(3))
    calm.hurries = False
    for network in silent, calm:
        SampledSearch(network, TARGET, 4, lambda peers: None, lambda: ended.append(True)).start()
    PeerSearch(storing, TARGET, 4, lambda peers: None, lambda: ended.append(True)).start()
    assert [len(network.asked) for network in (silent, calm, storing)] == [many, few, few]
    silent.asked[0].is_overdue()
    assert len(silent.asked) == many + 1
    assert not calm.asked[0].transaction.is_watched
    assert not storing.asked[0].transaction.is_watched


def test_more_are_asked_at_once_where_the_network_is_small_the_closest_and_the_quickest() -> None:
    network = Scripted(*range(1, 14), alpha=2, hurried_alpha=8, first_of_few=10)
    network.hurries = False
    network.few = {4}
    network.quick = (20, 3, 13, 12, 11)
    PeerSearch(network, TARGET, 4, nothing, nothing).start()
    assert len(network.asked) == 2, "nobody waits for it"
    network.asked.clear()
    SampledSearch(network, TARGET, 4, nothing, nothing).start()
    assert [one.address for one in network.asked] == [at(number) for number in (*range(1, 9), 20, 13)]
    assert not network.asked[0].transaction.is_watched, "all are waited for"
    for number in range(1, 9):
        network.last(number).answer(number, nodes=nodes(11, 12))
    assert len(network.asked) == 10, "the closest have answered"
    network.asked.clear()
    network.few = {6}
    SampledSearch(network, TARGET, 4, nothing, nothing).start()
    assert len(network.asked) == 2


def test_only_lookups_for_peers_and_announcements_hurry_and_these_find_the_very_closest() -> None:
    """Items too have to end up with the very closest, and be looked for there."""
    network = Scripted()
    found = ImmutableFound(TARGET)
    lookup, announcement = (
        SampledSearch(network, TARGET, 4, nothing, nothing),
        TokenSearch(network, TARGET, 4, nothing),
    )
    assert (lookup.may_hurry, lookup.is_thorough) == (True, False)
    assert (announcement.may_hurry, announcement.is_thorough) == (True, True)
    others: list[NodeSearch] = [
        NodeSearch(network, TARGET, 4, nothing),
        PeerSearch(network, TARGET, 4, nothing, nothing),
        ItemSearch(network, found, 4, nothing, nothing),
        Scrape(network, TARGET, 4, nothing),
    ]
    assert not any(search.may_hurry for search in others)


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (lambda network: SampledSearch(network, TARGET, 4, nothing, nothing).start(), 1),
        (lambda network: TokenSearch(network, TARGET, 4, nothing).start(), 2),
    ],
)
def test_where_the_very_closest_are_to_be_found_the_slow_are_asked_once_more(
    begin: Callable[[Scripted], None], again: int
) -> None:
    network = Scripted(1, 2, 3, k=2)
    begin(network)
    network.last(1).is_overdue()
    network.last(1).is_slow()
    network.last(2).answer(2)
    network.last(3).answer(3)
    assert network.to(1, b"get_peers") == again


def test_one_that_is_asked_again_has_failed_when_the_second_query_has() -> None:
    searching = Searching(5, k=1)
    searching.network.last(5).is_slow()
    assert searching.network.to(5, b"get_peers") == 2
    first, second = searching.network.asked
    first.lose()
    assert not searching.ended, "the second is under way"
    first.is_slow()
    second.answer(5, values=[at(100)])
    second.answer(5, values=[at(101)])
    assert (searching.found, searching.ended) == ([[at(100)]], [True])


def test_with_no_room_for_queries_it_ends() -> None:
    network, ended = Scripted(1, 2), list[bool]()
    network.is_full = True
    NodeSearch(network, TARGET, 4, lambda: ended.append(True)).start()
    assert ended == [True]


def test_the_slow_are_waited_for_by_whoever_looks_for_peers_only() -> None:
    searching = Searching(5)
    searching.network.last(5).is_slow()
    assert not searching.ended
    network, ended = Scripted(5), list[bool]()
    NodeSearch(network, TARGET, 4, lambda: ended.append(True)).start()
    network.last(5).is_slow()
    assert ended == [True]


def test_what_comes_after_its_end_is_a_reply_and_changes_nothing() -> None:
    network, ended = Scripted(5), list[bool]()
    search = NodeSearch(network, TARGET, 4, lambda: ended.append(True))
    search.start()
    asked = network.last(5)
    assert asked.is_wanted()
    search.cancel()
    assert not asked.is_wanted()
    asked.answer(5, nodes=nodes(1))
    assert search.replies == 1
    assert len(network.asked) == 1
    assert not ended


def test_cancelled_by_what_it_finds_it_asks_nobody_else() -> None:
    network = Scripted(5)
    search = PeerSearch(network, TARGET, 4, lambda peers: search.cancel(), lambda: None)
    search.start()
    network.last(5).answer(5, values=[at(100)], nodes=nodes(1, 2))
    assert len(network.asked) == 1
