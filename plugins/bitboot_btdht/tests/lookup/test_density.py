"""How close together nodes usually are, and which regions are too dense."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.lookup.density import DENSE, ENOUGH, Density
from bitboot_btdht.lookup.searches import NodeSearch, PeerSearch
from hypothesis import given
from hypothesis import strategies as st

from ..scripted import Scripted, id_of

K = 8
REGIONS = 16
SPACE = 1 << 160


def far(number: int) -> bytes:
    """An id in a sixteenth of its own."""
    return bytes([number << 4]) + bytes(19)


def kth(rng: random.Random, size: int) -> int:
    """How far the k-th closest of `size` nodes by chance is from an id."""
    return sorted(rng.getrandbits(160) for _ in range(size))[K - 1]


def test_while_too_little_is_known_nothing_is_too_dense() -> None:
    density = Density()
    for number in range(ENOUGH):
        assert not density.is_too_dense(0)
        density.note(far(number), 1000)
    assert density.is_too_dense(0)


def test_too_dense_is_what_is_nearer_than_usual_by_more_than_a_ratio() -> None:
    density = Density()
    for number, distance in enumerate((400, 200, 900)):
        density.note(far(number), distance)
    assert density.is_too_dense(299)
    assert not density.is_too_dense(300), "400 is usual, and three quarters of it are not too near"


def test_lookups_near_each_other_count_once_and_the_latest_does() -> None:
    density = Density()
    density.note(far(2), 1000)
    density.note(far(3), 10)
    for number in range(100):
        density.note(id_of(number), 1000 if number < 99 else 10)
    assert not density.is_too_dense(8), "10, 10 and 1000"


@given(st.lists(st.integers(0, SPACE), min_size=ENOUGH, max_size=REGIONS), st.integers(0, SPACE))
def test_it_goes_by_the_median_whatever_the_distances(distances: list[int], distance: int) -> None:
    density = Density()
    for number, seen in enumerate(distances):
        density.note(far(number), seen)
    usual = sorted(distances)[(len(distances) - 1) // 2]
    assert density.is_too_dense(distance) == (distance * DENSE[0] < usual * DENSE[1])
    assert not density.is_too_dense(usual)


@given(st.lists(st.integers(0, SPACE), max_size=REGIONS // 2 - 1))  # of half it might be either side
def test_whoever_is_in_the_way_of_less_than_half_the_lookups_does_not_set_what_is_usual(
    lies: list[int],
) -> None:
    density = Density()
    for number in range(REGIONS):
        density.note(far(number), lies[number] if number < len(lies) else 3000)
    assert density.is_too_dense(2249)
    assert not density.is_too_dense(2250)


def test_by_chance_few_regions_are_too_dense_and_attacked_ones_mostly_are() -> None:
    rng = random.Random(1)
    density = Density()
    for number in range(REGIONS):
        density.note(far(number), kth(rng, 300))
    honest = [density.is_too_dense(kth(rng, 300)) for _ in range(300)]
    attacked = [density.is_too_dense(kth(rng, 800)) for _ in range(300)]
    assert sum(honest) < 300 * 0.3
    assert sum(attacked) > 300 * 0.9


def test_lookups_of_nodes_teach_and_those_of_peers_do_not() -> None:
    """Keys are what others choose: an attacker who sits beside one must not set what is usual."""
    network = Scripted(8, 9, k=2)
    for number in range(ENOUGH):
        PeerSearch(network, far(number), 4, lambda peers: None, lambda: None).start()
        for known in network.known:
            network.last(known).answer(known)
    assert not network.densities[4].is_too_dense(0)
    for number in range(ENOUGH):
        NodeSearch(network, far(number), 4, lambda: None).start()
        for known in network.known:
            network.last(known).answer(known)
    assert network.densities[4].is_too_dense(0)


def test_a_lookup_that_found_fewer_than_k_teaches_nothing() -> None:
    network = Scripted(8, k=2)
    for number in range(ENOUGH):
        NodeSearch(network, far(number), 4, lambda: None).start()
        network.last(8).answer(8)
    assert not network.densities[4].is_too_dense(0)


@pytest.mark.parametrize(("kind", "asked"), [("peers", 4), ("ourselves", 4), ("others", 2)])
def test_a_search_goes_on_where_it_is_too_dense(kind: str, asked: int) -> None:
    """Newcomers have to meet more than those who crowd in about their own ids, too; a refresh need not."""
    network, ended = Scripted(8, 9, 10, 11, 12, k=2), list[bool]()
    if kind == "ourselves":
        network.ids = {4: id_of(0)}
    for number in range(ENOUGH):
        network.densities[4].note(far(number), 14)
    search = (
        PeerSearch(network, id_of(0), 4, lambda peers: None, lambda: ended.append(True))
        if kind == "peers"
        else NodeSearch(network, id_of(0), 4, lambda: ended.append(True))
    )
    search.start()
    for number in (8, 9, 10, 11)[:asked]:
        assert not ended
        network.last(number).answer(number)
    assert ended == [True]
    assert search.traversal.wanted == asked
