"""Dead contacts, patience, and the vote on our address."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.asking.rates import DeadContacts
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
from bitboot_btdht.table.external import MAX_VOTERS, QUORUM, ExternalAddress
from bitboot_btdht.wire import compact

ADDRESS = compact.pack("8.8.8.8", 6881)


def test_a_contact_is_dead_after_three_failures_in_a_row_and_for_five_minutes() -> None:
    dead = DeadContacts(Settings())
    dead.failed(ADDRESS, 0.0)
    dead.failed(ADDRESS, 0.0)
    assert not dead.contains(ADDRESS, 0.0)
    dead.failed(ADDRESS, 1.0)
    assert dead.contains(ADDRESS, 1.0)
    assert dead.contains(ADDRESS, 300.0)
    assert not dead.contains(ADDRESS, 302.0)


def test_a_sign_of_life_clears_a_contact() -> None:
    dead = DeadContacts(Settings())
    dead.failed(ADDRESS, 0.0)
    dead.failed(ADDRESS, 0.0)
    dead.alive(ADDRESS)
    dead.failed(ADDRESS, 1.0)
    assert not dead.contains(ADDRESS, 1.0)


def test_dead_contacts_are_capped() -> None:
    dead = DeadContacts(Settings(max_dead=10))
    for number in range(1000):
        dead.failed(public_address(number), 0.0)
    assert len(dead) == 10


US = compact.pack("93.184.216.34", 6881)


def test_enough_networks_that_agree_elect_our_address() -> None:
    external = ExternalAddress()
    changes = [external.vote(public_address(number), US) for number in range(QUORUM)]
    assert changes == [False] * (QUORUM - 1) + [True]
    assert external.ip == US[:-2]
    assert not external.vote(public_address(99), US), "nothing new"


def test_one_network_has_one_vote() -> None:
    external = ExternalAddress()
    for host in range(1, 200):
        external.vote(compact.pack(f"20.1.1.{host}", 6881), US)
    assert external.ip is None


@pytest.mark.parametrize(
    "claim",
    [None, b"", b"odd", compact.pack("192.168.1.5", 1), compact.pack("127.0.0.1", 1), compact.pack("::1", 1)],
)
def test_nonsense_and_local_addresses_do_not_count(claim: bytes | None) -> None:
    external = ExternalAddress()
    for number in range(50):
        external.vote(public_address(number), claim)
    assert external.ip is None


def test_neighbours_on_the_lan_have_no_vote() -> None:
    external = ExternalAddress()
    for number in range(50):
        external.vote(compact.pack(f"192.168.{number}.1", 6881), US)
    assert external.ip is None


def test_a_minority_of_liars_elects_nobody() -> None:
    external = ExternalAddress()
    rng = random.Random(1)
    lie = compact.pack("1.2.3.4", 1)
    voters = [(public_address(number), US) for number in range(20)]
    voters += [(public_address(100 + number), lie) for number in range(10)]
    rng.shuffle(voters)
    for voter, claim in voters:
        external.vote(voter, claim)
    assert external.ip == US[:-2]


def test_a_new_address_is_noticed() -> None:
    external = ExternalAddress()
    for number in range(MAX_VOTERS):
        external.vote(public_address(number), US)
    moved = compact.pack("93.184.216.99", 6881)
    changes = [external.vote(public_address(number), moved) for number in range(MAX_VOTERS)]
    assert changes.count(True) == 1
    assert external.ip == moved[:-2]
