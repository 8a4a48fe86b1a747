"""Which share of queries is not answered."""

from __future__ import annotations

from bitboot_btdht.asking.losses import REMEMBERED, Losses


def losses(*answered: bool) -> Losses:
    made = Losses()
    for one in answered:
        made.add(answered=one)
    return made


def test_until_it_is_known_many_are_not() -> None:
    assert losses().are_many
    assert losses(*[True] * 8).are_many
    assert not losses(*[True] * 12).are_many


def test_it_is_that_of_the_latest() -> None:
    assert abs(losses(*[True, True, False, True] * 10).share - 0.25) < 0.1
    assert losses(*[True] * 1000, *[False] * (REMEMBERED // 4)).are_many
    assert not losses(*[False] * 1000, *[True] * (3 * REMEMBERED)).are_many
