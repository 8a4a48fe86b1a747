"""Lookups whose closest contacts are all an attacker's: side paths lead past them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bitboot_btdht.client import Client
from bitboot_btdht.lookup.announce import Announce
from bitboot_btdht.lookup.searches import NodeSearch, PeerSearch
from bitboot_btdht.lookup.side_paths import LONGEST
from bitboot_btdht.node import Node
from bitboot_btdht.wire import compact
from bitboot_btdht.wire.compact import Address

from ..conftest import Stranger
from ..scripted import Scripted, at, id_of, nodes

TARGET = b"\0" * 20
PEER = at(900)
CROWD = (8, 9)
"""The attacker's, who name each other alone. k is 2."""


class Besieged:
    """A lookup whose node knows the attacker's as the closest, and others elsewhere."""

    def __init__(self, *elsewhere: int, **settings: int) -> None:
        self.network = Scripted(*CROWD, families=(4,), k=2, **settings)
        self.network.elsewhere = elsewhere
        self.found: list[Address] = []
        self.ended = False
        self.search = PeerSearch(self.network, TARGET, 4, self.found.extend, self._end)
        self.search.start()

    def _end(self) -> None:
        self.ended = True

    @property
    def asked(self) -> list[Address]:
        return [asked.address for asked in self.network.asked]

    def answer(self, number: int, *names: int) -> None:
        self.network.last(number).answer(number, nodes=nodes(*names))

    def crowd_answers(self) -> None:
        for number in CROWD:
            self.answer(number, *CROWD)


def test_a_side_path_comes_upon_an_honest_node_closer_than_the_attackers_last() -> None:
    besieged = Besieged(600)
    besieged.crowd_answers()
    assert not besieged.ended, "600 may answer yet"
    besieged.answer(600, 8, 200, 300, 400)
    assert besieged.asked[-1] == at(200), "the closest that nobody else told of; the others are not asked"
    besieged.answer(200, 3, 8, 9)
    assert not besieged.ended
    besieged.network.last(3).answer(3, values=[PEER], nodes=nodes(8))
    assert besieged.found == [PEER]
    assert besieged.ended
    assert besieged.asked == [at(number) for number in (8, 9, 600, 200, 3)]


def test_without_side_paths_the_attacker_has_the_lookup() -> None:
    besieged = Besieged(600, side_paths=0)
    besieged.crowd_answers()
    assert besieged.ended
    assert besieged.asked == [at(8), at(9)]


def test_as_many_begin_as_the_settings_say() -> None:
    assert Besieged(600, 601, 602, 603, side_paths=2).asked == [at(8), at(9), at(600), at(601)]


def test_those_on_side_paths_take_nobodys_turn() -> None:
    besieged = Besieged(600, 601, alpha=2)
    besieged.answer(8, 1, 2, 3)
    assert besieged.asked[-1] == at(1)


@pytest.mark.parametrize("names", [(), (700, 800), (8, 9), (8, 9, 200, 300, 400)])
def test_a_side_path_ends_where_it_leads_no_closer_or_has_met_the_lookup(names: tuple[int, ...]) -> None:
    besieged = Besieged(600)
    besieged.crowd_answers()
    besieged.answer(600, *names)
    assert besieged.ended
    assert len(besieged.asked) == 3


def test_liars_do_not_draw_a_side_path_out_for_ever() -> None:
    besieged = Besieged(600)
    besieged.crowd_answers()
    for number in range(600, 600 - LONGEST, -1):
        assert not besieged.ended
        besieged.answer(number, number - 1)
    assert besieged.ended
    assert len(besieged.asked) == len(CROWD) + LONGEST


def test_side_paths_keep_to_a_lookups_budget() -> None:
    besieged = Besieged(600, max_queries_per_lookup=4)
    besieged.answer(600, 500)
    besieged.answer(500, 400)
    besieged.crowd_answers()
    assert besieged.ended
    assert len(besieged.asked) == 4


def test_who_is_silent_on_a_side_path_is_waited_for_until_it_is_slow() -> None:
    besieged = Besieged(600)
    besieged.crowd_answers()
    assert not besieged.ended
    besieged.network.last(600).is_slow()
    assert besieged.ended


def test_a_late_answer_on_a_side_path_is_followed_while_the_lookup_lasts() -> None:
    besieged = Besieged(600)
    besieged.network.last(600).is_slow()
    besieged.answer(600, 3)
    besieged.crowd_answers()
    assert not besieged.ended
    besieged.answer(3)
    assert besieged.ended


def test_who_has_to_wait_for_its_turn_is_not_waited_for() -> None:
    network = Scripted(*CROWD, k=2)
    network.elsewhere = (600,)
    network.busy = {at(600)}
    ended: list[bool] = []
    PeerSearch(network, TARGET, 4, lambda peers: None, lambda: ended.append(True)).start()
    for number in CROWD:
        network.last(number).answer(number)
    assert ended == [True]


def test_a_contact_that_the_lookup_asks_anyway_begins_no_side_path() -> None:
    besieged = Besieged(8, 600)
    assert besieged.asked == [at(8), at(9), at(600)]


def _announce(network: Scripted) -> None:
    Announce(network, TARGET, 4, 7000, lambda stored: None).start()


def _refresh(network: Scripted) -> None:
    NodeSearch(network, TARGET, 4, lambda: None).start()


@pytest.mark.parametrize(("begin", "asked"), [(_announce, 3), (_refresh, 2)])
def test_announcements_have_side_paths_and_refreshes_have_none(
    begin: Callable[[Scripted], None], asked: int
) -> None:
    """Nobody else knows at which ids the table is refreshed."""
    network = Scripted(*CROWD)
    network.elsewhere = (600,)
    begin(network)
    assert len(network.asked) == asked


def test_side_paths_begin_at_good_contacts_at_public_addresses(node: Node) -> None:
    client: Client = node._client
    assert client.by_chance(TARGET, 4, 3) == []
    for host in ("10.1.1.1", "10.1.1.2", "127.0.0.1"):
        Stranger(node, host, id_=compact.pack(host, 1) + bytes(14)).befriend()
    assert len(node.tables[4]) == 3
    assert client.by_chance(TARGET, 4, 3) == [], "elsewhere everybody chooses ids freely"
    public = [Stranger(node, f"40.{number}.1.1", id_=id_of(number << 150)) for number in range(1, 6)]
    for stranger in public:
        stranger.befriend()
    chosen = [client.by_chance(TARGET, 4, 3) for _ in range(50)]
    assert all(len(set(contacts)) == 3 for contacts in chosen)
    assert {address for contacts in chosen for _, address in contacts} == {one.address for one in public}
    node.tables[4].failed(public[0].address)
    again = [client.by_chance(TARGET, 4, 5) for _ in range(50)]
    assert public[0].address not in {address for contacts in again for _, address in contacts}


def test_side_paths_begin_beside_the_target_only_for_want_of_others(node: Node) -> None:
    """There an attacker has as many contacts as it likes."""
    near = [Stranger(node, f"40.{number}.1.1", id_=id_of((1 << 159) + number)) for number in range(1, 5)]
    far = [Stranger(node, f"41.{number}.1.1", id_=id_of(number << 100)) for number in range(1, 7)]
    for stranger in [*near, *far]:
        stranger.befriend()
    assert len(node.tables[4].buckets) > 1, "our own id begins with a 0"
    for count, beside in ((3, 0), (6, 0), (8, 2), (20, 4)):
        addresses = [address for _, address in node._client.by_chance(near[0].id, 4, count)]
        assert len(set(addresses)) == min(count, 10)
        assert len(set(addresses) & {stranger.address for stranger in near}) == beside
