"""When a peer has left a swarm, by what each network saw."""

from __future__ import annotations

import pytest

from bitboot_core import KnownHost
from bitboot_core._swarms import sights
from bitboot_core._swarms.sights import GONE_AFTER, MISSES, SILENT_AFTER, Sights, has_left

PEER, OTHER = KnownHost("192.0.2.7", 1), KnownHost("192.0.2.7", 2)
LATER = SILENT_AFTER


def seen_at(now: float) -> Sights:
    """A network that told of the peer, and has answered no more since."""
    network = Sights(now)
    network.saw(PEER, now)
    return network


def gone() -> Sights:
    """A network that the peer is gone from by LATER."""
    network = seen_at(0.0)
    for scan in range(MISSES):
        network.scanned(LATER + scan - MISSES, LATER)
    return network


def test_a_peer_is_gone_after_many_misses_and_minutes() -> None:
    network = seen_at(0.0)
    for scan in range(1, MISSES):
        assert network.scanned(scan, scan) == [PEER]
        assert not has_left(PEER, [network], GONE_AFTER), "it was missed too few times"
    network.scanned(MISSES, MISSES)
    assert not has_left(PEER, [network], GONE_AFTER - 1), "it was missed for too short a time"
    assert has_left(PEER, [network], GONE_AFTER)


def test_it_has_to_be_gone_from_all_networks_that_answer() -> None:
    assert has_left(PEER, [gone(), gone(), Sights(LATER)], LATER)
    assert not has_left(PEER, [gone(), seen_at(LATER)], LATER)
    assert not has_left(PEER, [gone(), seen_at(1.0)], LATER), "it may answer yet"
    assert has_left(PEER, [gone(), seen_at(0.0)], LATER), "it has been silent for too long"


def test_where_all_are_silent_nobody_has_left() -> None:
    assert not has_left(PEER, [seen_at(0.0), seen_at(0.0)], LATER)


def test_no_more_peers_are_followed_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sights, "MAX_PEERS", 1)
    orphans, network = seen_at(0.0), Sights(0.0)
    assert network.saw(OTHER, 0.0)
    assert not network.saw(PEER, 0.0)
    network.inherit(orphans.by_host)
    assert list(network.by_host) == [OTHER]
    assert network.saw(OTHER, 1.0), "it is known already"
