"""Announcing, query by query: what is sent, to whom, and how often (BEP 5, "announce_peer")."""

from __future__ import annotations

import pytest
from bitboot_btdht.lookup.announce import Announce

from ..scripted import TURN, Scripted, nodes

HASH = b"\0" * 20


class Announcing:
    """An announcement whose lookup has come to its end: 1 and 10 are to store it, 20 is a spare."""

    def __init__(self, port: int = 7000) -> None:
        self.network = Scripted(10, 20, k=2)
        self.ended: list[int] = []
        self.announce = Announce(self.network, HASH, 4, port, self.ended.append)
        self.announce.start()
        self.network.last(10).answer(10, token=b"ten", nodes=nodes(1))
        self.network.last(20).answer(20, token=b"twenty")
        self.network.last(1).answer(1, token=b"one")

    def stores(self) -> list[int]:
        """How often 1, 10 and 20 were asked to store it."""
        return [self.network.to(number, b"announce_peer") for number in (1, 10, 20)]


def test_the_closest_are_asked_to_store_it_each_with_its_own_token() -> None:
    announcing = Announcing()
    assert announcing.stores() == [1, 1, 0]
    for number, token in ((1, b"one"), (10, b"ten")):
        asked = announcing.network.last(number)
        assert asked.arguments == {b"info_hash": HASH, b"port": 7000, b"token": token}
        assert asked.turn == TURN
    announcing.network.last(1).answer(1)
    assert not announcing.ended
    announcing.network.last(10).answer(10)
    assert announcing.ended == [2]


def test_without_a_port_the_one_that_datagrams_come_from_is_meant() -> None:
    asked = Announcing(port=0).network.last(1)
    assert asked.arguments == {b"info_hash": HASH, b"port": 1, b"implied_port": 1, b"token": b"one"}


def test_one_that_is_lost_is_sent_again_once_and_then_another_node_is_asked() -> None:
    announcing = Announcing()
    announcing.network.last(10).answer(10)
    announcing.network.last(1).lose()
    assert announcing.stores() == [2, 1, 0]
    announcing.network.last(1).lose()
    assert announcing.stores() == [2, 1, 1]
    announcing.network.last(20).lose()
    assert announcing.stores() == [2, 1, 1], "a spare one is asked once"
    assert announcing.ended == [1]


def test_one_that_is_slow_is_sent_it_again_and_then_another_node_as_well() -> None:
    announcing = Announcing()
    announcing.network.last(10).answer(10)
    announcing.network.last(1).is_slow()
    assert announcing.stores() == [2, 1, 0]
    announcing.network.last(1).is_slow()
    assert announcing.stores() == [2, 1, 1]
    assert not announcing.ended
    announcing.network.last(20).answer(20)
    assert announcing.ended == [2], "as many as were to have stored it: the slow one is not waited for"


@pytest.mark.parametrize("which", [0, 1])
def test_whichever_of_the_two_is_answered_counts_once(which: int) -> None:
    announcing = Announcing()
    both = [announcing.network.last(1)]
    both[0].is_slow()
    both.append(announcing.network.last(1))
    both[which].answer(1)
    both[1 - which].answer(1)
    assert announcing.stores() == [2, 1, 0]
    assert not announcing.ended
    announcing.network.last(10).answer(10)
    assert announcing.ended == [2]


def test_what_becomes_of_the_first_changes_nothing_while_the_second_is_under_way() -> None:
    announcing = Announcing()
    announcing.network.last(10).answer(10)
    first = announcing.network.last(1)
    first.is_slow()
    first.lose()
    assert announcing.stores() == [2, 1, 0]
    announcing.network.last(1).answer(1)
    assert announcing.ended == [2]


def test_for_want_of_others_the_slow_are_waited_for_and_what_they_say_counts() -> None:
    announcing = Announcing()
    announcing.network.last(10).answer(10)
    first = announcing.network.last(1)
    first.is_slow()
    announcing.network.last(1).is_slow()
    announcing.network.last(20).refuse()
    assert not announcing.ended
    first.answer(1)
    assert announcing.ended == [2]


def test_one_that_refuses_late_has_been_replaced_already() -> None:
    announcing = Announcing()
    announcing.network.last(10).is_slow()
    announcing.network.last(10).is_slow()
    assert announcing.stores() == [1, 2, 1]
    announcing.network.last(10).refuse()
    announcing.network.last(1).refuse()
    announcing.network.last(20).answer(20)
    assert announcing.stores() == [1, 2, 1]
    assert announcing.ended == [1]


def test_for_one_that_refuses_another_node_is_asked_at_once() -> None:
    announcing = Announcing()
    announcing.network.last(1).refuse()
    assert announcing.stores() == [1, 1, 1]
    announcing.network.last(10).refuse()
    announcing.network.last(20).answer(20)
    assert announcing.stores() == [1, 1, 1]
    assert announcing.ended == [1]


def test_without_a_token_a_node_is_no_spare_one() -> None:
    network, ended = Scripted(10, 20, k=2), list[int]()
    Announce(network, HASH, 4, 7000, ended.append).start()
    network.last(10).answer(10, token=b"ten", nodes=nodes(1))
    network.last(20).answer(20)
    network.last(1).answer(1, token=b"one")
    network.last(1).refuse()
    network.last(10).answer(10)
    assert network.to(20, b"announce_peer") == 0
    assert ended == [1]


def test_with_no_room_for_queries_nobody_stores_it() -> None:
    network, ended = Scripted(10, k=2), list[int]()
    Announce(network, HASH, 4, 7000, ended.append).start()
    network.is_full = True
    network.last(10).answer(10, token=b"ten")
    assert ended == [0]


@pytest.mark.parametrize("outcome", ["answer", "lose", "refuse"])
def test_cancelled_it_asks_nobody_and_calls_nobody(outcome: str) -> None:
    announcing = Announcing()
    asked = announcing.network.last(1)
    assert asked.is_wanted()
    announcing.announce.cancel()
    assert not asked.is_wanted()
    for number in (1, 10):
        if outcome == "answer":
            announcing.network.last(number).answer(number)
        else:
            getattr(announcing.network.last(number), outcome)()
    assert announcing.stores() == [1, 1, 0]
    assert not announcing.ended


def test_cancelled_at_the_lookup_it_stores_nothing() -> None:
    network, ended = Scripted(10, k=2), list[int]()
    announce = Announce(network, HASH, 4, 7000, ended.append)
    announce.start()
    announce.cancel()
    network.last(10).answer(10, token=b"ten")
    assert len(network.asked) == 1
    assert not ended
