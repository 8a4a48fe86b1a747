"""How many peers several nodes tell of, where some of them lie."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.lookup.counting import count, is_plausible
from bitboot_btdht.wire import bloom
from hypothesis import given, settings
from hypothesis import strategies as st

FULL = (1 << bloom.BITS) - 1


def peers(number: int, rng: random.Random) -> list[bytes]:
    return [rng.randbytes(4) for _ in range(number)]


def nodes(found: list[bytes], share: float, number: int, rng: random.Random) -> list[int]:
    """The filters of nodes that each know a share of the peers."""
    return [bloom.bloom(ip for ip in found if rng.random() < share) for _ in range(number)]


def lie(rng: random.Random, number: int = 5_800) -> int:
    return bloom.bloom(peers(number, rng))


@pytest.mark.parametrize("number", [1, 5, 50, 300, 1000, 2000])
@pytest.mark.parametrize("share", [0.8, 1.0])
@pytest.mark.parametrize("liars", [0, 1, 2])
def test_two_liars_of_eight_make_no_crowd_of_a_swarm(number: int, share: float, liars: int) -> None:
    rng = random.Random(number)
    filters = nodes(peers(number, rng), share, 8 - liars, rng) + [lie(rng) for _ in range(liars)]
    assert count(filters) == pytest.approx(number, abs=2 + 0.1 * number)


@pytest.mark.parametrize("number", [1, 5, 50, 300, 1000, 2000])
def test_two_liars_of_eight_hide_nobody(number: int) -> None:
    rng = random.Random(number)
    filters = [0, *nodes(peers(number, rng), 0.9, 6, rng), 0]
    assert count(filters) == pytest.approx(number, abs=2 + 0.1 * number)


def test_liars_who_agree_are_no_more_than_two() -> None:
    rng = random.Random(1)
    one = lie(rng)
    assert count([one, one, *nodes(peers(10, rng), 1.0, 6, rng)]) == pytest.approx(10, abs=1)
    assert count([one, one, 0, 0, 0, 0, 0, 0]) == 0


@pytest.mark.parametrize("others", [3, 4, 5, 6])
def test_one_liar_of_four_or_more_is_not_believed(others: int) -> None:
    rng = random.Random(others)
    assert count([lie(rng), *[0] * others]) == 0
    assert count([lie(rng), *nodes(peers(20, rng), 1.0, others, rng)]) == pytest.approx(20, abs=2)


@pytest.mark.parametrize("number", [300, 1000, 2000])
def test_a_crowd_of_which_each_node_knows_a_part_is_told_by_what_they_share(number: int) -> None:
    """Nodes keep 500 peers of a key, or 2,000: few agree on any of them, and none knows all."""
    rng = random.Random(number)
    found = peers(number, rng)
    assert count(nodes(found, 0.25, 8, rng)) == pytest.approx(number, rel=0.15)
    assert count([*nodes(found, 0.25, 6, rng), lie(rng), lie(rng)]) == pytest.approx(number, rel=0.35)


def test_it_is_never_more_than_the_nodes_can_have_told() -> None:
    rng = random.Random(1)
    apart = [bloom.bloom(peers(10, rng)) for _ in range(8)]
    assert count(apart) <= 81


def test_a_node_that_is_alone_is_taken_at_its_word_and_two_must_agree() -> None:
    rng = random.Random(1)
    some = bloom.bloom(peers(10, rng))
    assert count([]) == count([0]) == 0
    assert count([some]) == pytest.approx(10, abs=1)
    assert count([some, 0]) == count([some, 0, 0]) == 0
    assert count([some, some, 0]) == pytest.approx(10, abs=1)


def test_where_twice_as_many_nodes_are_asked_twice_as_many_have_to_agree() -> None:
    rng = random.Random(1)
    one = lie(rng)
    assert count([*[one] * 4, *nodes(peers(10, rng), 1.0, 12, rng)]) == pytest.approx(10, abs=1)


def test_a_full_filter_is_no_honest_nodes() -> None:
    assert not is_plausible(FULL)
    assert is_plausible(0)
    assert is_plausible(bloom.bloom(peers(5_000, random.Random(1))))


def any_filter(seed: int) -> int:
    """Of anything: empty, full, and all between."""
    rng = random.Random(seed)
    filled = FULL if rng.random() < 0.1 else 0 if rng.random() < 0.1 else rng.getrandbits(bloom.BITS)
    for _ in range(rng.randrange(6)):
        filled &= rng.getrandbits(bloom.BITS)
    return filled


@settings(max_examples=100)
@given(st.lists(st.integers(0, 2**32).map(any_filter), max_size=17))
def test_whatever_they_say_it_is_a_number(filters: list[int]) -> None:
    assert 0 <= count(filters) <= 17 * 7_900
    assert count(filters[::-1]) == pytest.approx(count(filters))


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.integers(0, 200))
def test_no_two_liars_push_it_up(seed: int, number: int) -> None:
    rng = random.Random(seed)
    liars = [any_filter(rng.getrandbits(32)) for _ in range(2)]
    honest = bloom.bloom(peers(number, rng))
    told = count([*[honest] * 6, *liars])
    assert told == pytest.approx(bloom.estimate(honest), abs=1 + 0.02 * number)
