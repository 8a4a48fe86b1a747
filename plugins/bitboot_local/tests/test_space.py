"""Where peers are kept: lifetimes, caps, and the price of it."""

import sys

import pytest
from bitboot_local.space import Space, enter, leave

from bitboot_core import AnnounceFailed, KnownHost

KEY, OTHER = b"k" * 20, b"o" * 20


def host(port: int) -> KnownHost:
    return KnownHost("192.0.2.7", port)


def test_a_peer_lives_as_long_as_it_was_stored_for() -> None:
    space = Space()
    space.store(KEY, host(1), 10, now=100)
    space.store(KEY, host(2), 20, now=100)
    assert space.peers(KEY, now=109.9) == [host(1), host(2)]
    assert space.peers(KEY, now=110) == [host(2)]
    assert space.peers(KEY, now=120) == []
    assert space.size() == (0, 0)


def test_a_renewed_peer_lives_on() -> None:
    space = Space()
    space.store(KEY, host(1), 10, now=100)
    space.store(KEY, host(1), 10, now=108)
    assert space.peers(KEY, now=117) == [host(1)]
    assert space.size() == (1, 1)
    assert space.peers(KEY, now=118) == []


def test_a_renewal_can_be_shorter() -> None:
    space = Space()
    space.store(KEY, host(1), 100, now=100)
    space.store(KEY, host(1), 10, now=101)
    assert space.peers(KEY, now=111) == []


def test_a_peer_can_be_dropped() -> None:
    space = Space()
    space.store(KEY, host(1), 10, now=100)
    space.drop(OTHER, host(1))
    space.drop(KEY, host(2))
    assert space.size() == (1, 1)
    space.drop(KEY, host(1))
    space.drop(KEY, host(1))
    assert space.size() == (0, 0)
    space.store(KEY, host(1), 50, now=105)
    assert space.peers(KEY, now=111) == [host(1)]  # its former end does not end it


def test_keys_are_kept_apart() -> None:
    space = Space()
    space.store(KEY, host(1), 10, now=100)
    assert space.peers(OTHER, now=100) == []


def test_there_is_a_cap_and_what_lapses_makes_room() -> None:
    space = Space(max_peers=3)
    for port in (1, 2, 3):
        space.store(KEY, host(port), 10, now=100)
    with pytest.raises(AnnounceFailed, match="holds 3 peers"):
        space.store(OTHER, host(4), 10, now=100)
    assert space.size() == (1, 3)
    space.store(KEY, host(3), 20, now=100)  # a renewal needs no room
    space.store(OTHER, host(4), 10, now=110)
    assert space.size() == (2, 2)


def test_renewing_for_ever_does_not_grow() -> None:
    space = Space()
    for moment in range(10_000):
        space.store(KEY, host(moment % 10), 1800, now=moment / 10)
    assert len(space._ends) <= 2 * 10 + 64


def test_a_lookup_costs_no_more_steps_than_there_are_peers() -> None:
    def steps(count: int) -> int:
        space = Space()
        for port in range(count):
            space.store(KEY, KnownHost(f"10.0.{port >> 8}.{port & 255}", 1), 1800, now=0)
        calls = 0

        def trace(*_: object) -> None:
            nonlocal calls
            calls += 1

        sys.setprofile(trace)
        try:
            assert len(space.peers(KEY, now=1)) == count
        finally:
            sys.setprofile(None)
        return calls

    assert steps(10_000) == steps(10)  # one copy, whatever its length


def test_nodes_of_one_name_share_a_space_while_there_are_any() -> None:
    first, second = enter("test-sharing"), enter("test-sharing")
    assert first is second
    assert enter("test-other") is not first
    leave("test-sharing", first)
    first.store(KEY, host(1), 10, now=0)
    assert enter("test-sharing").peers(KEY, now=0) == [host(1)]
    leave("test-sharing", first)
    leave("test-sharing", first)
    assert enter("test-sharing").peers(KEY, now=0) == []
