"""What strangers may take: rates per source and network, and shares of a store."""

from __future__ import annotations

import random

import pytest

from bitboot_core.aio.limits import AddressLimits, Allowance, Shares, network_of, packed, source_of


def test_an_allowance_gives_its_burst_and_then_its_rate() -> None:
    allowance = Allowance(per_second=2, burst=5)
    assert [allowance.take(b"a", 0.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert [allowance.take(b"a", 1.0) for _ in range(3)] == [True, True, False]
    assert allowance.take(b"b", 1.0), "each key has its own"


def test_an_allowance_survives_a_clock_that_jumps_back() -> None:
    allowance = Allowance(per_second=1, burst=1)
    assert allowance.take(b"a", 100.0)
    assert not allowance.take(b"a", 50.0)
    assert allowance.take(b"a", 51.5)


def test_an_allowance_remembers_no_more_keys_than_it_may_and_forgets_the_idle_first() -> None:
    allowance = Allowance(per_second=1, burst=1, max_keys=10)
    for number in range(1000):
        allowance.take(b"busy", 0.0)
        allowance.take(b"%d" % number, 0.0)
    assert len(allowance) == 10
    assert not allowance.take(b"busy", 0.0)


def test_an_allowance_forgets_whoever_may_take_a_whole_burst_again() -> None:
    allowance = Allowance(per_second=2, burst=8)
    for number in range(100):
        allowance.take(b"%d" % number, 0.0)
    allowance.spend(b"in debt", 0.0, 100)
    for tenth in range(200):
        allowance.take(b"busy", 4 + tenth / 10)
    assert len(allowance) == 2
    assert allowance.level(b"in debt", 24.0) == 8 - 100 + 2 * 24
    for tenth in range(10):
        allowance.take(b"busy", 50 + tenth / 10)
    assert len(allowance) == 1


def test_of_a_crowd_that_is_gone_an_allowance_remembers_nothing_soon() -> None:
    allowance = Allowance(per_second=2, burst=8)
    for number in range(100):
        allowance.take(b"%d" % number, 0.0)
    for number in range(100):
        allowance.take(b"one at a time %d" % number, 10.0 + number)
    assert len(allowance) <= 2


def test_allowances_agree_with_plain_counting() -> None:
    chance = random.Random(7)
    allowance = Allowance(per_second=2, burst=5)
    levels = dict.fromkeys(range(20), 5.0)
    before = 0.0
    for _ in range(5000):
        now = before + chance.expovariate(8)
        levels = {key: min(5.0, level + 2 * (now - before)) for key, level in levels.items()}
        key, amount = chance.randrange(20), chance.choice([0.5, 1.0, 2.0])
        assert allowance.level(b"%d" % key, now) == pytest.approx(levels[key])
        if allowance.take(b"%d" % key, now, amount):
            levels[key] -= amount
        before = now
    assert len(allowance) < 20


def test_what_was_spent_beyond_an_allowance_is_made_up_for() -> None:
    allowance = Allowance(per_second=10, burst=10)
    allowance.spend(b"a", 0.0, 30)
    assert allowance.level(b"a", 0.0) == -20
    assert not allowance.take(b"a", 2.0)
    assert allowance.take(b"a", 2.5, amount=5)


@pytest.mark.parametrize(
    ("host", "source", "network"),
    [
        ("20.1.2.3", b"\x14\1\2\3", b"\x14\1\2"),
        ("::ffff:20.1.2.3", b"\x14\1\2\3", b"\x14\1\2"),
        ("2a00:1:2:3:4:5:6:7", bytes.fromhex("2a00000100020003"), bytes.fromhex("2a0000010002")),
        ("fe80::1%eth0", bytes.fromhex("fe80000000000000"), bytes.fromhex("fe8000000000")),
    ],
)
def test_sources_and_networks(host: str, source: bytes, network: bytes) -> None:
    assert source_of(packed(host)) == source
    assert network_of(packed(host)) == network


def test_what_is_no_ip_address_is_refused() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        packed("example.org")


def taken(limits: AddressLimits, hosts: list[str]) -> int:
    return sum(limits.take(packed(host), 0.0) for host in hosts)


@pytest.mark.parametrize(
    "hosts",
    [["20.1.2.3"] * 100, [f"2a00:1:2:3::{number:x}" for number in range(100)]],
    ids=["one address", "one /64"],
)
def test_one_source_gets_its_burst(hosts: list[str]) -> None:
    assert taken(AddressLimits(per_source=5, per_network=10), hosts) == 20


@pytest.mark.parametrize(
    "hosts",
    [[f"20.1.2.{number}" for number in range(100)], [f"2a00:1:2:{number:x}::1" for number in range(100)]],
    ids=["one /24", "one /48"],
)
def test_one_network_gets_its_burst(hosts: list[str]) -> None:
    limits = AddressLimits(per_source=5, per_network=10)
    assert taken(limits, hosts) == 40
    assert limits.take(packed("20.1.3.1"), 0.0), "another network has its own"


def test_what_a_source_asks_beyond_its_limit_does_not_count_against_its_network() -> None:
    limits = AddressLimits(per_source=5, per_network=10)
    assert taken(limits, ["20.1.2.3"] * 1000) == 20
    assert taken(limits, [f"20.1.2.{number}" for number in range(10, 40)]) == 20


def test_a_lan_is_limited_by_address_only_and_loopback_is_free() -> None:
    limits = AddressLimits(per_source=1, per_network=1)
    assert taken(limits, [f"192.168.1.{number}" for number in range(100)]) == 100
    assert taken(limits, [f"100.64.1.{number}" for number in range(100)]) == 100
    assert taken(limits, ["192.168.1.200"] * 100) == 4
    assert taken(limits, ["127.0.0.1"] * 100) == 100


def test_limits_that_are_none_do_not_hold() -> None:
    assert taken(AddressLimits(None, None), ["20.1.2.3"] * 100) == 100


def test_limits_remember_no_more_than_they_may() -> None:
    limits = AddressLimits(per_source=1, per_network=1, max_keys=10)
    rng = random.Random(1)
    for _ in range(1000):
        limits.take(rng.randbytes(rng.choice((4, 16))), 0.0)
    assert limits._sources is not None
    assert limits._networks is not None
    assert len(limits._sources) == len(limits._networks) == 10


# Shares


def test_the_largest_source_loses_its_oldest() -> None:
    shares: Shares[str] = Shares()
    for number in range(5):
        shares.add(f"honest {number}", packed(f"20.{number}.0.1"))
    for number in range(3):
        shares.add(f"greedy {number}", packed("66.6.6.6"))
    assert shares.largest() == "greedy 0"
    shares.discard("greedy 0", packed("66.6.6.6"))
    assert shares.largest() == "greedy 1"
    assert shares.held_by(packed("66.6.6.6")) == 2
    assert len(shares) == 7


def test_a_network_counts_as_one_and_in_it_the_largest_source_loses() -> None:
    shares: Shares[int] = Shares()
    shares.add(-1, packed("66.6.6.250"))
    shares.add(0, packed("20.0.0.1"))
    shares.add(1, packed("20.0.0.1"))
    for number in range(2, 50):
        shares.add(number, packed(f"66.6.6.{number % 5}"))
    for _ in range(43):
        item = shares.largest()
        assert item >= 2
        shares.discard(item, packed(f"66.6.6.{item % 5}"))
    assert len(shares) == 8


def test_among_equals_the_one_that_added_nothing_for_longest_loses() -> None:
    shares: Shares[int] = Shares()
    for number in range(4):
        shares.add(number, packed(f"20.{number}.0.1"))
    shares.add(0, packed("20.0.0.1"))
    assert len(shares) == 4
    assert shares.largest() == 1, "0 was added again, which made it young"


def test_with_nothing_held_nobody_can_lose() -> None:
    shares: Shares[int] = Shares()
    shares.discard(1, packed("20.0.0.1"))
    with pytest.raises(LookupError):
        shares.largest()


def test_shares_agree_with_plain_counting() -> None:
    rng = random.Random(1)
    shares: Shares[int] = Shares()
    held: dict[int, bytes] = {}
    for step in range(5000):
        item = rng.randrange(60)
        ip = bytes((20, 0, item % 7, item % 5))
        if rng.random() < 0.55:
            shares.add(item, ip)
            held[item] = ip
        else:
            shares.discard(item, ip)
            held.pop(item, None)
        assert len(shares) == len(held)
        if held and step % 5 == 0:
            networks = [network_of(one) for one in held.values()]
            largest = held[shares.largest()]
            assert networks.count(network_of(largest)) == max(map(networks.count, networks))
            inside = [one for one in held.values() if network_of(one) == network_of(largest)]
            assert inside.count(largest) == max(map(inside.count, inside))
