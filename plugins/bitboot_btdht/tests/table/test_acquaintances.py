"""Whom a node has been in touch with, and who began."""

from __future__ import annotations

import pytest
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
from bitboot_btdht.table.acquaintances import HOUR, Acquaintances
from bitboot_btdht.wire import compact

MEMORY = Settings().nat_memory
ONE, TWO, THREE = (public_address(number) for number in (1, 2, 3))
LAN = compact.pack("192.168.1.5", 6881)


@pytest.fixture
def acquaintances() -> Acquaintances:
    return Acquaintances(Settings(), 0.0)


def test_who_calls_for_the_first_time_is_a_stranger(acquaintances: Acquaintances) -> None:
    assert acquaintances.called(ONE, 10.0)
    assert not acquaintances.called(ONE, 20.0)
    assert not acquaintances.called(compact.with_port(ONE, 7000), 20.0), "one IP address is one to a NAT"


def test_neighbours_of_one_network_are_told_apart(acquaintances: Acquaintances) -> None:
    acquaintances.wrote(compact.pack("93.184.216.34", 6881), 0.0)
    assert acquaintances.called(compact.pack("93.184.216.35", 6881), 1.0)


def test_whom_we_wrote_to_is_no_stranger_for_an_hour_from_the_last_word(acquaintances: Acquaintances) -> None:
    acquaintances.wrote(ONE, 0.0)
    assert not acquaintances.called(ONE, HOUR - 1.0)
    assert not acquaintances.called(ONE, 2 * HOUR - 2.0), "its call made the NAT remember"
    assert acquaintances.called(ONE, 3 * HOUR)


def test_programs_of_one_lan_are_told_apart_by_their_ports(acquaintances: Acquaintances) -> None:
    acquaintances.wrote(LAN, 0.0)
    assert acquaintances.called(compact.with_port(LAN, 7000), 1.0)


def test_at_first_a_nat_may_remember_an_earlier_run(acquaintances: Acquaintances) -> None:
    assert acquaintances.unsure_until == MEMORY


def test_who_is_forgotten_for_want_of_room_leaves_us_unsure_for_an_hour() -> None:
    acquaintances = Acquaintances(Settings(max_known=2), 0.0)
    for now, address in ((1000.0, ONE), (1100.0, TWO), (1200.0, THREE)):
        acquaintances.wrote(address, now)
    assert acquaintances.unsure_until == 1000.0 + HOUR
    assert acquaintances.called(ONE, 1300.0), "it cannot be told"
    assert not acquaintances.called(THREE, 1300.0)


def test_who_is_forgotten_in_time_leaves_no_doubt() -> None:
    acquaintances = Acquaintances(Settings(max_known=2), 0.0)
    acquaintances.wrote(ONE, 0.0)
    acquaintances.wrote(TWO, HOUR)
    acquaintances.wrote(THREE, HOUR)
    assert acquaintances.unsure_until == MEMORY


def test_a_call_that_came_while_a_query_was_on_its_way_may_have_opened_the_nat(
    acquaintances: Acquaintances,
) -> None:
    acquaintances.called(ONE, 0.0)
    assert acquaintances.is_surprised(ONE, MEMORY)
    acquaintances.wrote(ONE, MEMORY)
    assert not acquaintances.has_called_since(ONE, MEMORY)
    acquaintances.called(ONE, MEMORY + 0.1)
    assert acquaintances.has_called_since(ONE, MEMORY)
    acquaintances.is_reachable(ONE, MEMORY + 1.0)
    acquaintances.called(ONE, MEMORY + 2.0)
    assert not acquaintances.has_called_since(ONE, MEMORY + 1.5), "it has shown that it needs no NAT opened"
    acquaintances.called(LAN, 0.5)
    assert not acquaintances.has_called_since(LAN, 0.0), "there is no NAT in between"


def test_an_answer_to_our_first_word_shows_that_others_can_reach_it(acquaintances: Acquaintances) -> None:
    assert acquaintances.is_surprised(ONE, 0.0)
    acquaintances.wrote(ONE, 0.0)
    assert acquaintances.is_surprised(ONE, 1.0), "it may be asked twice"


def test_who_called_is_not_surprised_until_its_nat_has_forgotten_us(acquaintances: Acquaintances) -> None:
    acquaintances.called(ONE, 0.0)
    acquaintances.wrote(ONE, 10.0)
    assert not acquaintances.is_surprised(ONE, 9.9 + MEMORY)
    assert acquaintances.is_surprised(ONE, 10.0 + MEMORY)


def test_nor_is_who_was_silent_when_we_asked_and_called_then(acquaintances: Acquaintances) -> None:
    acquaintances.wrote(ONE, 0.0)
    acquaintances.called(ONE, 1.0)
    assert not acquaintances.is_surprised(ONE, 2.0)


def test_who_is_known_to_be_reachable_may_call_as_it_likes(acquaintances: Acquaintances) -> None:
    acquaintances.is_reachable(ONE, 0.0)
    acquaintances.called(ONE, 1.0)
    acquaintances.wrote(ONE, 2.0)
    assert acquaintances.is_surprised(ONE, 3.0)


def test_on_a_local_network_there_is_no_nat(acquaintances: Acquaintances) -> None:
    acquaintances.called(LAN, 0.0)
    assert acquaintances.is_surprised(LAN, 1.0)
