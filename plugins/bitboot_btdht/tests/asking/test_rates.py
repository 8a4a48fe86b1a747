"""Contacts that do not answer."""

from __future__ import annotations

from bitboot_btdht.asking.rates import DeadContacts
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
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
