"""Who gets into the table, who is left alone, and who is closest."""

from __future__ import annotations

import random

import pytest
from bitboot_kademlia.contacts import Contact, ContactTable, Suspects
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.wire import Address

from .strangers import Time

OWN = bytes(20)


@pytest.fixture
def suspects(time: Time) -> Suspects:
    return Suspects(Settings(), time)


@pytest.fixture
def table(suspects: Suspects, time: Time) -> ContactTable:
    return ContactTable(OWN, 4, Settings(), suspects, time)


def far(number: int) -> bytes:
    """Ids that all belong in the bucket farthest from us."""
    return (0x80).to_bytes(1, "big") + number.to_bytes(19, "big")


def at(number: int) -> Address:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 7000


def add(table: ContactTable, node_id: bytes, address: Address, *, plain: bool = False) -> Contact | None:
    return table.add(node_id, address, plain=plain)


def test_the_closest_are_the_closest(table: ContactTable) -> None:
    rng = random.Random(1)
    known = [contact for number in range(300) if (contact := add(table, rng.randbytes(20), at(number)))]
    for _ in range(20):
        target = rng.getrandbits(160)
        right = sorted(known, key=lambda contact: contact.long_id ^ target)
        assert table.closest(target, 20, plain=False) == right[:20]
        assert table.closest(target, 20, plain=False, exclude=right[0].address) == right[1:21]
    assert table.closest(0, 20, plain=True) == []


def test_a_full_bucket_stays_as_it_is(table: ContactTable) -> None:
    for number in range(500):
        add(table, far(number), at(number))
    assert len(table) == Settings().k
    assert table.at(at(0)) is not None
    assert not table.wants(far(600), at(600))
    assert table.wants(bytes(19) + b"\x01", at(601)), "there is room elsewhere"


def test_a_silent_contact_makes_room(table: ContactTable, suspects: Suspects) -> None:
    for number in range(20):
        add(table, far(number), at(number))
    suspects.failed(at(7))
    assert add(table, far(600), at(600)) is not None
    assert table.at(at(7)) is None
    assert len(table) == 20


def test_a_plain_contact_makes_room_for_one_of_our_kind(table: ContactTable) -> None:
    for number in range(20):
        add(table, far(number), at(number), plain=number == 3)
    assert add(table, far(600), at(600), plain=True) is None
    assert add(table, far(601), at(601)) is not None
    assert table.at(at(3)) is None


def test_there_is_one_id_for_an_address(table: ContactTable) -> None:
    for number in range(2_000):
        add(table, random.Random(number).randbytes(20), at(1))
    assert len(table) == 1


def test_an_id_belongs_to_whoever_had_it_first(table: ContactTable, suspects: Suspects) -> None:
    first = add(table, far(1), at(1))
    assert not table.wants(far(1), at(2))
    assert add(table, far(1), at(2)) is None
    assert list(table) == [first]
    suspects.failed(at(1))
    assert add(table, far(1), at(2)) is not None
    assert table.at(at(1)) is None


def test_one_ip_address_gets_a_few_places_only(table: ContactTable) -> None:
    for port in range(1, 1_000):
        add(table, random.Random(port).randbytes(20), ("66.6.6.6", port))
    assert len(table) == Settings().max_contacts_per_source
    for contact in table:
        table.remove(contact)
    assert add(table, far(1), ("66.6.6.6", 1)) is not None, "what is removed is counted off"


def test_on_loopback_all_share_one(table: ContactTable) -> None:
    for port in range(1, 100):
        add(table, random.Random(port).randbytes(20), ("127.0.0.1", port))
    assert len(table) > Settings().max_contacts_per_source


def test_we_are_not_our_own_contact(table: ContactTable) -> None:
    assert add(table, OWN, at(1)) is None
    assert not table.wants(OWN, at(1))


def test_whoever_is_known_is_confirmed_only(table: ContactTable, suspects: Suspects) -> None:
    add(table, far(1), at(1))
    assert not table.wants(far(1), at(1))
    assert add(table, far(1), at(1)) is None
    assert table.wants(far(2), at(1)), "another node may live there by now"
    suspects.failed(at(1))
    assert table.wants(far(1), at(1))


def test_a_node_that_turns_out_to_be_of_the_other_kind_is_listed_there(table: ContactTable) -> None:
    add(table, far(1), at(1), plain=True)
    assert table.closest(0, 5, plain=False) == []
    add(table, far(1), at(1))
    assert [contact.address for contact in table.closest(0, 5, plain=False)] == [at(1)]


def test_the_silent_are_not_passed_on(table: ContactTable, suspects: Suspects) -> None:
    add(table, far(1), at(1))
    add(table, far(2), at(2))
    suspects.failed(at(1))
    assert [contact.address for contact in table.closest(0, 5, plain=False)] == [at(2)]
    suspects.answered(at(1))
    assert len(table.closest(0, 5, plain=False)) == 2


def test_whether_we_are_among_the_closest(table: ContactTable) -> None:
    assert table.is_among_closest(1 << 159), "alone we are"
    for number in range(20):
        add(table, far(number), at(number))
    assert not table.is_among_closest(1 << 159)
    assert table.is_among_closest(1)


def test_failures_in_a_row_make_the_pause_longer(suspects: Suspects, time: Time) -> None:
    settings = Settings()
    for pause in (15, 60, 240, 900, 900):
        suspects.failed(at(1))
        time.now += pause - 0.01
        assert suspects.is_shunned(at(1))
        time.now += 0.02
        assert not suspects.is_shunned(at(1))
        assert at(1) in suspects, "it may be asked again, but nobody is told of it"
    assert suspects.failures(at(1)) == settings.max_failures
    suspects.answered(at(1))
    assert at(1) not in suspects
    assert suspects.failures(at(1)) == 0


def test_whoever_shows_up_again_is_worth_a_try(suspects: Suspects) -> None:
    suspects.failed(at(1))
    suspects.showed_up(at(1))
    assert not suspects.is_shunned(at(1))
    assert at(1) in suspects, "anybody can send a datagram in its name"
    suspects.showed_up(at(2))
    assert at(2) not in suspects


def test_only_so_many_silent_addresses_are_remembered(suspects: Suspects) -> None:
    for number in range(5_000):
        suspects.failed(at(number))
    assert len(suspects) == Settings().max_suspects
    assert at(4_999) in suspects
