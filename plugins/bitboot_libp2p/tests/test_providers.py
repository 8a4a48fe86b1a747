"""The records that a node keeps for others, and whose have to go where there is no more room."""

from __future__ import annotations

import pytest
from bitboot_libp2p import providers as module
from bitboot_libp2p.providers import MAX_ADDRESSES, MAX_PROVIDERS, MAX_SLOTS, SLOT_BYTES, Providers
from bitboot_libp2p.sharing import share_of

KEY = b"k" * 22
STRANGER = share_of("66.6.6.6", b"stranger")


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def providers(monkeypatch: pytest.MonkeyPatch) -> Providers:
    """With a twentieth of the room."""
    monkeypatch.setattr(module, "MAX_SLOTS", MAX_SLOTS // 20)
    return Providers(Time())


def long_addresses(number: int) -> dict[bytes, float]:
    return {number.to_bytes(8, "big") * 30 + bytes([port]): 7_200.0 for port in range(MAX_ADDRESSES)}


def key(number: int) -> bytes:
    return number.to_bytes(22, "big")


def test_the_records_of_one_peer_take_no_more_than_all_may(providers: Providers) -> None:
    for number in range(400):
        providers.put(key(number), b"stranger", long_addresses(number), STRANGER)
    kept = sum(
        len(address)
        for number in range(400)
        for one in providers.get(key(number)).values()
        for address in one
    )
    assert 0 < kept <= MAX_SLOTS // 20 * SLOT_BYTES


@pytest.mark.parametrize("hosts", [1, 50])
def test_newcomers_are_kept_and_stay_whatever_one_network_provides(providers: Providers, hosts: int) -> None:
    """Of one host, or of many peer ids in one network."""
    shares = [share_of(f"66.6.6.{number}", bytes([number])) for number in range(hosts)]
    friends = [b"friend %d" % number for number in range(20)]
    for number in range(300):
        providers.put(key(number), b"s%d" % (number % hosts), long_addresses(number), shares[number % hosts])
        if number % 15 == 0:
            friend = friends[number // 15]
            providers.put(KEY, friend, {b"a": 7_200.0}, share_of(f"30.{number // 15}.0.1", friend))
    assert set(providers.get(KEY)) == set(friends)


def test_on_one_machine_each_peer_has_a_share(providers: Providers) -> None:
    """As on loopback, where all have one address."""
    providers.put(KEY, b"friend", {b"a": 7_200.0}, share_of("127.0.0.1", b"friend"))
    for number in range(300):
        providers.put(key(number), b"s", long_addresses(number), share_of("127.0.0.1", b"s"))
    assert set(providers.get(KEY)) == {b"friend"}


def test_many_peer_ids_of_one_network_do_not_push_others_from_a_key(providers: Providers) -> None:
    """Even where theirs are to live longer."""
    providers.put(KEY, b"friend", {b"a": 60.0}, share_of("30.0.0.1", b"friend"))
    for number in range(2 * MAX_PROVIDERS):
        stranger = b"s%d" % number
        providers.put(KEY, stranger, {b"a": 7_200.0}, share_of("66.6.6.6", stranger))
    assert len(providers.get(KEY)) == MAX_PROVIDERS
    assert b"friend" in providers.get(KEY)


def test_what_is_gone_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SLOTS", 10)
    time = Time()
    providers = Providers(time)
    for number in range(100):
        providers.put(KEY, b"one", {b"a": 10.0}, STRANGER)
        providers.put(KEY, b"other", {b"a": 10.0}, STRANGER)
        providers.put(KEY, b"one", {})
        time.now += 11.0 * (number % 2)
        assert providers.get(KEY).keys() <= {b"other"}
    time.now += 11
    assert (providers.get(KEY), len(providers), providers.keys) == ({}, 0, 0)


def test_an_address_longer_than_any_is_left_out(providers: Providers) -> None:
    providers.put(KEY, b"one", {b"x" * 1_000: 10.0, b"a": 10.0}, STRANGER)
    assert providers.get(KEY) == {b"one": [b"a"]}
