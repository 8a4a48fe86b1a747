"""Bootstrap, query by query: contacts of which only the address is known (BEP 5; BEP 32 for `want`)."""

from __future__ import annotations

from bitboot_btdht.lookup.bootstrap import Bootstrap
from bitboot_btdht.wire import compact

from ..scripted import OWN, Scripted, at, id_of, nodes


class Starting:
    """A bootstrap at these contacts that has begun."""

    def __init__(self, *contacts: int, families: tuple[int, ...] = (4,)) -> None:
        self.network = Scripted(families=families)
        self.ended: list[int] = []
        self.bootstrap = Bootstrap(self.network, map(at, contacts), 4, self.ended.append)
        self.bootstrap.start()

    def times(self, number: int) -> int:
        return self.network.to(number, b"find_node")


def test_each_contact_is_asked_once_for_our_own_id() -> None:
    starting = Starting(1, 2, 1)
    assert [asked.address for asked in starting.network.asked] == [at(1), at(2)]
    assert all(asked.arguments == {b"target": OWN} for asked in starting.network.asked)


def test_a_node_of_both_families_wants_both_ways_in() -> None:
    starting = Starting(1, families=(4, 6))
    assert starting.network.last(1).arguments == {b"target": OWN, b"want": [b"n4", b"n6"]}
    six = compact.pack("2001:db8::1", 6881)
    starting.network.last(1).answer(1, nodes6=compact.pack_nodes([(id_of(2), six)]))
    assert starting.network.asked[-1].address == six
    assert not starting.ended, "the way into the other family is not clear yet"
    starting.network.asked[-1].answer(2)
    assert starting.ended == [1]


def test_with_no_contacts_it_ends_at_once() -> None:
    assert Starting().ended == [0]


def test_it_ends_when_all_have_answered_and_the_way_is_clear() -> None:
    starting = Starting(1, 2)
    starting.network.last(1).answer(1, nodes=nodes(3, 2))
    starting.network.last(2).answer(2)
    assert not starting.ended, "3 is asked, which 1 told of"
    assert starting.times(2) == 1, "a contact is not asked again because another tells of it"
    starting.network.last(3).answer(3)
    assert starting.ended == [2]


def test_a_slow_contact_is_asked_again_and_not_waited_for_while_another_answered() -> None:
    starting = Starting(1, 2)
    starting.network.last(1).is_slow()
    assert (starting.times(1), starting.times(2)) == (2, 1)
    assert not starting.network.last(1).transaction.is_counted, "a second time, and no third"
    starting.network.last(2).answer(2)
    assert starting.ended == [1]


def test_where_nobody_else_answers_a_slow_contact_is_waited_for() -> None:
    starting = Starting(1, 2)
    first = starting.network.last(1)
    first.is_slow()
    starting.network.last(2).lose()
    assert not starting.ended
    first.answer(1)
    assert starting.ended == [1]
    starting.network.last(1).answer(1)
    assert starting.ended == [1], "who answers twice counts once"


def test_one_that_refuses_has_not_answered() -> None:
    starting = Starting(1)
    starting.network.last(1).refuse()
    assert starting.ended == [0]
    assert not starting.network.later, "but somebody is there"


def test_who_is_not_there_is_tried_later() -> None:
    starting = Starting(1, 2)
    starting.network.last(2).answer(2)
    starting.network.last(2).lose()
    starting.network.last(1).lose()
    assert starting.network.later == [at(1)]
    assert starting.ended == [1]


def test_with_no_room_for_queries_it_ends() -> None:
    network, ended = Scripted(), list[int]()
    network.is_full = True
    Bootstrap(network, [at(1)], 4, ended.append).start()
    assert ended == [0]


def test_cancelled_it_asks_nobody_and_calls_nobody() -> None:
    starting = Starting(1, 2)
    starting.network.last(1).answer(1, nodes=nodes(3, 4))
    found = starting.network.last(3)
    contact = starting.network.last(2)
    assert contact.is_wanted()
    assert found.is_wanted()
    starting.bootstrap.cancel()
    assert not contact.is_wanted()
    assert not found.is_wanted()
    before = len(starting.network.asked)
    contact.answer(2, nodes=nodes(5))
    found.answer(3, nodes=nodes(6))
    starting.network.last(4).lose()
    assert len(starting.network.asked) == before
    assert not starting.ended
