"""Contacts of former times: when they are tried again."""

from __future__ import annotations

from itertools import pairwise

from bitboot_btdht.simulation import public_address
from bitboot_btdht.table.lost_contacts import LONGEST_RETRY, MAX_FORMER, PER_ROUND, Former


def test_they_are_tried_ever_more_rarely() -> None:
    former = Former()
    address = public_address(1)
    former.add(address, 0.0)
    tries = [now for now in range(0, 4 * 3600, 60) if former.due(float(now))]
    assert tries[:5] == [60, 180, 420, 900, 1860]
    assert {later - earlier for earlier, later in pairwise(tries[4:])} == {LONGEST_RETRY}
    former.add(address, 4 * 3600.0)
    assert not former.due(4 * 3600.0), "one who is known already is not tried sooner"


def test_who_is_back_is_tried_no_more() -> None:
    former = Former()
    former.add(public_address(1), 0.0)
    assert former.back(public_address(1), 300.0) == 300, "so long it was lost"
    assert former.back(public_address(1), 400.0) == 0
    assert not former.due(1000.0)
    assert not former


def test_their_number_is_limited_in_all_and_in_a_round() -> None:
    former = Former()
    for number in range(10 * MAX_FORMER):
        former.add(public_address(number), 0.0)
    assert len(former) == len(former._lost_at) == MAX_FORMER
    rounds = [former.due(60.0) for _ in range(MAX_FORMER // PER_ROUND + 1)]
    assert [len(due) for due in rounds] == [PER_ROUND] * (MAX_FORMER // PER_ROUND) + [0]
    assert public_address(10 * MAX_FORMER - 1) in {address for due in rounds for address in due}
