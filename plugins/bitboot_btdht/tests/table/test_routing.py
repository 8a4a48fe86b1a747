"""The routing table, rule by rule (BEP 5, "Routing Table")."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
from bitboot_btdht.table.contact import Contact
from bitboot_btdht.table.routing import RoutingTable
from bitboot_btdht.wire.node_id import common_prefix, distance, id_for, random_id
from hypothesis import given
from hypothesis import strategies as st

OWN = b"\0" * 20
FAR = 0x80  # first byte of ids that share no bit with OWN


def node(first: int, number: int) -> tuple[bytes, bytes]:
    return bytes([first]) + number.to_bytes(19, "big"), public_address(number + first * 256)


def make(own: bytes = OWN, **settings: int) -> RoutingTable:
    return RoutingTable(own, Settings(**settings), 0.0)


def fill(table: RoutingTable, first: int, count: int, now: float = 0.0) -> list[tuple[bytes, bytes]]:
    nodes = [node(first, number) for number in range(count)]
    for id_, address in nodes:
        table.answered(id_, address, now, 0.1)
    return nodes


def addresses(table: RoutingTable) -> set[bytes]:
    return {contact.address for contact in table}


def test_an_empty_table_has_one_bucket() -> None:
    table = make()
    assert (len(table.buckets), len(table)) == (1, 0)


def test_a_full_bucket_splits_only_where_our_own_id_is() -> None:
    table = make()
    fill(table, FAR, 20)
    assert len(table) == 8, "eight far away, and no more"
    fill(table, 0x40, 20)
    fill(table, 0x20, 20)
    assert len(table) == 24
    assert [len(bucket.contacts) for bucket in table.buckets] == [8, 8, 8, 0] or len(table.buckets) >= 3


def test_every_contact_is_in_the_bucket_of_its_prefix() -> None:
    table = make()
    rng = random.Random(1)
    for number in range(2000):
        table.answered(random_id(rng), public_address(number), 0.0, 0.1)
    last = len(table.buckets) - 1
    for index, bucket in enumerate(table.buckets):
        assert len(bucket.contacts) <= 8
        for contact in bucket.contacts:
            shared = common_prefix(OWN, contact.id)
            assert shared >= index if index == last else shared == index


def test_good_while_it_answered_within_15_minutes() -> None:
    table = make()
    ((id_, address),) = fill(table, FAR, 1)
    contact = table.get(address)
    assert contact is not None
    assert table.is_good(contact, 899.0)
    assert not table.is_good(contact, 900.0), "questionable now"
    table.answered(id_, address, 1000.0, 0.1)
    assert table.is_good(contact, 1899.0)


def test_good_while_it_has_ever_answered_and_queried_us_within_15_minutes() -> None:
    table = make()
    ((id_, address),) = fill(table, FAR, 1)
    contact = table.get(address)
    assert contact is not None
    table.queried(id_, address, 800.0)
    assert table.is_good(contact, 1699.0)


def test_a_node_that_only_queries_is_not_in_the_table() -> None:
    table = make()
    assert table.queried(*node(FAR, 1), 0.0), "but it may be pinged"
    assert len(table) == 0


def test_a_contact_tells_how_long_its_newest_answer_took() -> None:
    table = make()
    id_, address = node(FAR, 1)
    for now, round_trip in ((0.0, 0.3), (1.0, 0.2)):
        table.answered(id_, address, now, round_trip)
        contact = table.get(address)
        assert contact is not None
        assert contact.round_trip == round_trip


def test_bad_after_failing_several_queries_in_a_row() -> None:
    table = make()
    ((id_, address),) = fill(table, FAR, 1)
    contact = table.get(address)
    assert contact is not None
    table.failed(address)
    assert not table.is_bad(contact)
    table.answered(id_, address, 1.0, 0.1)
    table.failed(address)
    assert not table.is_bad(contact), "in a row, that is"
    table.failed(address)
    assert table.is_bad(contact)


def test_a_newcomer_is_discarded_while_the_bucket_is_full_of_good_nodes() -> None:
    table = make()
    nodes = fill(table, FAR, 8)
    assert table.answered(*node(FAR, 100), 1.0, 0.1) is None
    assert addresses(table) == {address for _, address in nodes}


def test_a_newcomer_replaces_a_bad_node() -> None:
    table = make()
    nodes = fill(table, FAR, 8)
    table.failed(nodes[3][1])
    table.failed(nodes[3][1])
    table.answered(*node(FAR, 100), 1.0, 0.1)
    assert node(FAR, 100)[1] in addresses(table)
    assert nodes[3][1] not in addresses(table)


def test_the_least_recently_seen_questionable_node_is_to_be_pinged() -> None:
    table = make()
    nodes = fill(table, FAR, 8)
    for number, (id_, address) in enumerate(nodes):
        table.answered(id_, address, float((number * 3) % 8), 0.1)
    oldest = min(table, key=lambda contact: contact.last_seen)
    assert table.answered(*node(FAR, 100), 2000.0, 0.1) is oldest


def test_the_newcomer_waits_and_takes_the_place_of_whoever_fails_twice() -> None:
    table = make()
    nodes = fill(table, FAR, 8)
    newcomer = node(FAR, 100)
    questionable = table.answered(*newcomer, 2000.0, 0.1)
    assert questionable is not None
    table.failed(questionable.address)
    assert newcomer[1] not in addresses(table), "it is suggested to try once more"
    table.failed(questionable.address)
    assert newcomer[1] in addresses(table)
    assert questionable.address not in addresses(table)
    assert len(table) == len(nodes)


def test_everyone_is_all_contacts_and_each_who_waits_once() -> None:
    table = make()
    nodes = [*fill(table, FAR, 8), node(FAR, 100), node(FAR, 101)]
    for _ in range(2):
        for id_, address in nodes[8:]:
            table.answered(id_, address, 0.0, 0.1)
        assert sorted(contact.address for contact in table.everyone()) == sorted(at for _, at in nodes)
    for _ in range(table._settings.bad_after):
        table.failed(nodes[0][1])
    newest = nodes[9]
    assert newest[1] in addresses(table), "it takes a place, and waits no more"
    assert sorted(contact.address for contact in table.everyone()) == sorted(at for _, at in nodes[1:])


def test_one_who_waits_and_falls_silent_takes_nobodys_place() -> None:
    table = make()
    nodes = fill(table, FAR, 8)
    newcomer = node(FAR, 100)
    table.answered(*newcomer, 0.0, 0.1)
    table.failed(newcomer[1])
    for _ in range(10):
        table.failed(nodes[0][1])
    assert addresses(table) == {address for _, address in nodes}


def test_a_bad_node_stays_until_somebody_can_take_its_place() -> None:
    """When everybody fails at once it is we who are offline."""
    table = make()
    nodes = fill(table, FAR, 8)
    for _, address in nodes * 3:
        table.failed(address)
    assert addresses(table) == {address for _, address in nodes}
    assert table.closest(nodes[0][0], 8) == []


def test_nobody_waits_for_ever_or_in_numbers() -> None:
    table = make()
    fill(table, FAR, 500)
    assert all(len(bucket.waiting) <= 8 for bucket in table.buckets)


def test_our_own_id_never_enters() -> None:
    table = make()
    table.answered(OWN, public_address(1), 0.0, 0.1)
    assert len(table) == 0


def test_an_address_has_one_contact() -> None:
    table = make()
    address = public_address(1)
    for number in range(30):
        table.answered(bytes([number * 8]) * 20, address, 0.0, 0.1)
    assert len(table) == 1
    contact = table.get(address)
    assert contact is not None
    assert contact.id == bytes([29 * 8]) * 20, "a restarted node has a new id"


def test_an_id_in_use_cannot_be_taken_over() -> None:
    table = make()
    ((id_, address),) = fill(table, FAR, 1)
    table.answered(id_, public_address(77), 1.0, 0.1)
    assert addresses(table) == {address}
    table.failed(address)
    table.answered(id_, public_address(77), 2.0, 0.1)
    assert addresses(table) == {public_address(77)}, "but one whose owner is silent can move"


def test_one_ip_holds_one_place() -> None:
    table = make()
    ip = public_address(1)[:-2]
    for number in range(200):
        table.answered(node(number, number)[0], ip + (1000 + number).to_bytes(2, "big"), 0.0, 0.1)
    assert len(table) == 1


def test_one_subnet_holds_few_places() -> None:
    table = make()
    for number in range(1, 200):
        table.answered(node(number, number)[0], bytes((20, 1, 1, number)) + b"\1\1", 0.0, 0.1)
    assert len(table) == Settings().contacts_per_subnet


def test_a_bucket_unchanged_for_15_minutes_is_stale() -> None:
    table = make()
    fill(table, FAR, 8)
    fill(table, 0x40, 8, now=10.0)
    assert table.stale(899.0) == []
    assert table.stale(905.0) == [0]
    table.touch(0, 905.0)
    assert table.stale(909.0) == []


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**32))
def test_a_refresh_id_falls_into_its_bucket(own: bytes, seed: int) -> None:
    rng = random.Random(seed)
    table = make(own)
    for number in range(60):
        table.answered(random_id(rng), public_address(number), 0.0, 0.1)
    for index in range(len(table.buckets)):
        target = table.random_id_in(index, rng)
        assert min(common_prefix(own, target), len(table.buckets) - 1) == index


def test_refresh_ids_are_of_all_of_the_nearest_bucket() -> None:
    table = make()
    fill(table, FAR, 8)
    fill(table, 0x40, 8)
    nearest = len(table.buckets) - 1
    rng = random.Random(1)
    prefixes = [common_prefix(OWN, table.random_id_in(nearest, rng)) for _ in range(200)]
    assert prefixes.count(nearest) > 50, "half of its ids share no more than that with ours"


@given(st.binary(min_size=20, max_size=20), st.integers(0, 2**32), st.integers(1, 20))
def test_the_closest_are_the_closest(target: bytes, seed: int, count: int) -> None:
    rng = random.Random(seed)
    own = random_id(rng)
    table = make(own)
    for number in range(150):
        near_own = bytes([*own[: rng.randrange(4)]]) + random_id(rng)
        table.answered(near_own[:20], public_address(number), 0.0, 0.1)
    for wanted in (target, own, bytes([own[0]]) + target[1:]):
        expected = sorted(table, key=lambda contact: distance(contact.id, wanted))[:count]
        assert table.closest(wanted, count) == expected


def begins_at(table: RoutingTable, target: bytes, now: float) -> list[bytes]:
    return [contact.address for contact in table.beginning(target, 3, now)]


def fitting() -> tuple[bytes, bytes]:
    """A node in the bucket FAR whose id fits its address (BEP 42)."""
    rng = random.Random(1)
    nodes = ((id_for(address[:-2], rng), address) for address in map(public_address, range(1000, 2000)))
    return next(one for one in nodes if one[0][0] & FAR)


def test_a_lookup_begins_at_good_ones_that_wait_for_a_place_too() -> None:
    table = make()
    in_it = {address for _, address in fill(table, FAR, 8)}
    waiting = fitting()
    table.answered(*waiting, 10.0, 0.1)
    assert addresses(table) == in_it
    assert begins_at(table, waiting[0], 909.0)[0] == waiting[1]
    assert set(begins_at(table, waiting[0], 911.0)) < in_it, "it has not been heard for 15 minutes"
    assert {contact.address for contact in table.closest(waiting[0], 3)} < in_it, "others are not told of it"


def test_those_that_wait_take_nobodys_place_where_a_lookup_begins() -> None:
    """Half of those from one bucket may be gone, and a lookup with too few waits for each."""
    table = make()
    fill(table, FAR, 8)
    fill(table, 0x40, 8)
    waiting = fitting()
    table.answered(*waiting, 10.0, 0.1)
    begun = {contact.address for contact in table.beginning(waiting[0], 16, 11.0)}
    assert begun == addresses(table) | {waiting[1]}


@pytest.mark.parametrize("address", [public_address(1000), b"\x0a\0\0\1\x1a\xe1"])
def test_nor_at_those_that_may_have_chosen_to_be_close(address: bytes) -> None:
    """Its id does not fit, or is on a local network, where any does."""
    table = make()
    in_it = {address for _, address in fill(table, FAR, 8)}
    id_, _ = node(FAR, 9)
    table.answered(id_, address, 10.0, 0.1)
    assert set(begins_at(table, id_, 11.0)) < in_it


def test_where_all_are_local_any_id_fits() -> None:
    table = make()
    nodes = [(node(FAR, number)[0], bytes((10, 0, 0, number, 1, 1))) for number in range(9)]
    for id_, address in nodes:
        table.answered(id_, address, 10.0, 0.1)
    assert len(table) == 8
    id_, address = nodes[8]
    assert begins_at(table, id_, 11.0)[0] == address


def test_bad_nodes_are_never_given_out() -> None:
    table = make()
    nodes = fill(table, FAR, 8)
    for _ in range(2):
        table.failed(nodes[0][1])
    table.failed(nodes[1][1])
    given_out = {contact.address for contact in table.closest(OWN, 8)}
    assert given_out == {address for _, address in nodes[1:]}


@pytest.mark.parametrize("after", [-1.0, 0.0, 1.0])
def test_answered_with_are_exactly_the_good(after: float) -> None:
    """`good_infos` does not ask `is_good`, to be quick: they say the same."""
    table = make()
    fill(table, FAR, 4)
    fill(table, 0x40, 4)
    now = Settings().good_for + after
    good = [contact for contact in table if table.is_good(contact, now)]
    infos = table.good_infos(OWN, now)
    assert len(good) == (8 if after < 0 else 0)
    assert each_of(infos or b"") == sorted(contact.info for contact in good)


def each_of(infos: bytes) -> list[bytes]:
    """The nodes of compact node info, in an order of their own."""
    return sorted(infos[start : start + 26] for start in range(0, len(infos), 26))


def test_a_contact_can_be_printed() -> None:
    assert "ab" * 4 in repr(Contact(b"\xab" * 20, public_address(1), 0.0, 0.1))


@given(st.integers(0, 2**32))
def test_answered_with_are_the_closest_good_ones(seed: int) -> None:
    """Those of a full bucket are kept until it changes, which shows in no answer."""
    rng = random.Random(seed)
    table = make()
    known = fill(table, FAR, 8)
    assert table.good_infos(bytes([FAR]) * 20, 0.0)
    now = 0.0
    for number in range(120):
        now += rng.choice([0.0, 1.0, 1.0, 60.0])
        done = rng.randrange(10)
        if done < 4:
            known.append((random_id(rng), public_address(number)))
            table.answered(*known[-1], now, 0.1)
        elif done == 4:
            table.failed(rng.choice(known)[1])
        else:
            table.queried(*rng.choice(known), now)
            table.answered(*rng.choice(known), now, 0.1)
        target = random_id(rng)
        infos = table.good_infos(target, now)
        good = [contact for contact in table if table.is_good(contact, now)]
        good.sort(key=lambda contact: distance(contact.id, target))
        assert (infos is None) is (len(good) < 8)
        assert infos is None or each_of(infos) == sorted(contact.info for contact in good[:8])


def test_a_full_bucket_is_answered_with_for_as_long_as_all_are_good() -> None:
    table = make()
    nodes = fill(table, FAR, 8)
    target, good_for = bytes([FAR]) * 20, Settings().good_for
    assert len(table.good_infos(target, 0.0) or b"") == 8 * 26
    assert len(table.good_infos(bytes([0x40]) * 20, 0.0) or b"") == 8 * 26, "for want of closer ones"
    assert table.good_infos(target, good_for - 1) is not None
    assert table.good_infos(target, good_for) is None
    for id_, address in nodes:
        table.answered(id_, address, good_for, 0.1)
    assert table.good_infos(target, good_for) is not None
    table.failed(nodes[3][1])
    assert table.good_infos(target, good_for) is None
