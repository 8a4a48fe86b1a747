"""The peer store: lifetimes, and its caps."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.server import peer_store
from bitboot_btdht.server.lots import Lots
from bitboot_btdht.server.peer_store import PeerStore
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import compact

from ..building import only_interpreted

HASH = b"h" * 20


def peer(number: int, host: str | None = None) -> bytes:
    return compact.pack(host or f"20.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", 6881)


def make(**settings: int) -> PeerStore:
    return PeerStore(Settings(**settings), random.Random(1))


def test_what_is_stored_is_found_under_its_hash_only() -> None:
    store = make()
    assert store.add(HASH, peer(1), 0.0)
    assert store.get(HASH, 4, 10, 1.0) == [peer(1)]
    assert store.get(b"o" * 20, 4, 10, 1.0) == []
    assert len(store) == store.hashes == 1


def test_families_are_kept_apart() -> None:
    store = make()
    six = compact.pack("2a00:1450::1", 6881)
    store.add(HASH, peer(1), 0.0)
    store.add(HASH, six, 0.0)
    assert store.get(HASH, 4, 10, 1.0) == [peer(1)]
    assert store.get(HASH, 6, 10, 1.0) == [six]


def test_a_peer_ends_when_its_time_is_up() -> None:
    store = make()
    store.add(HASH, peer(1), 0.0)
    assert store.get(HASH, 4, 10, 1799.0) == [peer(1)]
    assert store.get(HASH, 4, 10, 1800.0) == []
    assert len(store) == store.hashes == 0


def test_announcing_again_renews() -> None:
    store = make()
    store.add(HASH, peer(1), 0.0)
    store.add(HASH, peer(2), 500.0)
    store.add(HASH, peer(1), 1000.0)
    assert len(store) == 2
    assert store.get(HASH, 4, 10, 2400.0) == [peer(1)]


def test_expiry_frees_everything() -> None:
    store = make()
    for number in range(50):
        store.add(bytes([number]) * 20, peer(number), float(number))
    store.expire(1825.0)
    assert (len(store), store.hashes) == (24, 24)
    store.expire(9000.0)
    assert (len(store), store.hashes) == (0, 0)


def test_a_reply_gets_a_random_sample_where_more_are_stored() -> None:
    store = make()
    for number in range(100):
        store.add(HASH, peer(number), 0.0)
    samples = [store.get(HASH, 4, 10, 1.0) for _ in range(60)]
    assert all(len(set(sample)) == 10 for sample in samples)
    assert set().union(*samples) == {peer(number) for number in range(100)}


def looked_at(peers: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many addresses are looked at for a reply of 50 peers, of so many under the hash."""
    store, looks = make(), 0
    for number in range(peers):
        store.add(HASH, peer(number), 0.0)

    def counted(address: bytes) -> int:
        nonlocal looks
        looks += 1
        return compact.family(address)

    with monkeypatch.context() as patch:
        patch.setattr(peer_store, "family", counted)
        assert len(store.get(HASH, 4, 50, 1.0)) == 50
    return looks


@only_interpreted
def test_a_reply_of_some_peers_does_not_look_at_all_of_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked_at(1900, monkeypatch) == looked_at(190, monkeypatch)


def test_what_is_drawn_is_what_is_there_while_peers_come_and_go() -> None:
    lots, there, rng = Lots(), set[bytes](), random.Random(7)
    for _ in range(2000):
        one = peer(rng.randrange(60))
        if rng.random() < 0.5:
            lots.add(one)
            there.add(one)
        else:
            lots.discard(one)
            there.discard(one)
        assert len(lots) == len(there)
        assert set(lots.draw(100, rng)) == there
        drawn = lots.draw(5, rng)
        assert len(set(drawn)) == len(drawn) == min(5, len(there))
        assert set(drawn) <= there


def test_a_crowd_of_both_families_is_kept_apart_as_peers_lapse() -> None:
    store, six = make(), compact.pack("2a00:1450::1", 6881)
    store.add(HASH, six, 0.0)
    for number in range(100):
        store.add(HASH, peer(number), float(number))
    assert store.get(HASH, 6, 10, 100.0) == [six]
    assert set(store.get(HASH, 4, 200, 1850.0)) == {peer(number) for number in range(51, 100)}
    assert store.get(HASH, 6, 10, 1850.0) == []


def test_peers_per_hash_are_capped_and_the_oldest_goes() -> None:
    store = make(max_peers_per_hash=5)
    for number in range(8):
        assert store.add(HASH, peer(256 * number), float(number))
    assert set(store.get(HASH, 4, 10, 8.0)) == {peer(256 * number) for number in range(3, 8)}
    assert len(store) == 5


def test_hashes_are_capped_and_the_one_announced_longest_ago_goes() -> None:
    store = make(max_hashes=3)
    for number in range(5):
        store.add(bytes([number]) * 20, peer(256 * number), float(number))
    assert store.hashes == len(store) == 3
    assert store.get(bytes([1]) * 20, 4, 10, 5.0) == []
    assert store.get(bytes([4]) * 20, 4, 10, 5.0) == [peer(256 * 4)]


@pytest.mark.parametrize("apart", [256, 0], ids=["from several networks", "from one address"])
def test_refreshing_a_hash_makes_it_young(apart: int) -> None:
    store = make(max_hashes=3)
    for number in range(3):
        store.add(bytes([number]) * 20, peer(apart * number), float(number))
    store.add(bytes([0]) * 20, peer(0), 3.0)
    store.add(bytes([3]) * 20, peer(apart * 3), 4.0)
    assert [bool(store.get(bytes([number]) * 20, 4, 10, 5.0)) for number in range(4)] == [
        True,
        False,
        True,
        True,
    ]


def test_peers_in_all_are_capped() -> None:
    store = make(max_peers=10)
    for number in range(40):
        store.add(bytes([number % 4]) * 20, peer(number), float(number))
    assert len(store) == 10


@pytest.mark.parametrize("others", [0, 200], ids=["few peers", "many peers"])
@pytest.mark.parametrize(
    "hosts", [["20.0.0.1"] * 5, [f"2a00:1:2:3::{n}" for n in range(5)]], ids=["IPv4 address", "IPv6 /64"]
)
def test_one_source_gets_its_share_of_a_hash_and_no_more(hosts: list[str], others: int) -> None:
    store = make(max_ports_per_ip=3)
    for number in range(others):
        store.add(HASH, peer(256 * number), 0.0)
    answers = [store.add(HASH, compact.pack(host, port + 1), 0.0) for port, host in enumerate(hosts)]
    assert answers == [True, True, True, False, False]
    assert store.add(HASH, compact.pack(hosts[0], 1), 1.0), "renewing is no new share"
    assert store.add(HASH, compact.pack("66.6.6.6", 1), 1.0)


# Attacks: what others announced stays


def honest(store: PeerStore, count: int = 5000) -> list[tuple[bytes, bytes]]:
    """So many hashes, each announced by somebody in a network of their own."""
    announced = [(b"honest" + number.to_bytes(14, "big"), peer(256 * number)) for number in range(count)]
    for info_hash, address in announced:
        store.add(info_hash, address, 0.0)
    return announced


def lost(store: PeerStore, announced: list[tuple[bytes, bytes]], now: float = 1500.0) -> int:
    return sum(address not in store.get(info_hash, 4, 5000, now) for info_hash, address in announced)


ATTACKERS = {
    "one IPv4 address": ["66.6.6.6"],
    "50 addresses of a /24": [f"66.6.6.{number}" for number in range(50)],
    "50 addresses of a /64": [f"2a00:66:6:6::{number:x}" for number in range(50)],
    "1,000 addresses of a /48": [f"2a00:66:6:{number:x}::1" for number in range(1000)],
}


@pytest.mark.once
@pytest.mark.parametrize("hosts", ATTACKERS.values(), ids=ATTACKERS)
def test_who_announces_very_much_pushes_nobody_out_but_themselves(hosts: list[str]) -> None:
    """20 announcements a second from one address flushed 5,000 hashes of others in 17 minutes."""
    store = make()
    announced = honest(store)
    for number in range(25_000):
        address = compact.pack(hosts[number % len(hosts)], 1 + number % 60_000)
        store.add(b"attack" + number.to_bytes(14, "big"), address, 1.0 + number / 20)
    assert store.hashes == Settings().max_hashes
    assert lost(store, announced) == 0


@pytest.mark.once
@pytest.mark.parametrize("hosts", ATTACKERS.values(), ids=ATTACKERS)
def test_the_peers_of_one_hash_are_not_pushed_out_either(hosts: list[str]) -> None:
    store = make()
    announced = [(HASH, peer(256 * number)) for number in range(100)]
    for info_hash, address in announced:
        store.add(info_hash, address, 0.0)
    for number in range(25_000):
        store.add(HASH, compact.pack(hosts[number % len(hosts)], 1 + number // len(hosts)), 1.0)
    assert lost(store, announced) == 0


@pytest.mark.parametrize(("networks", "gone"), [(1000, 0), (25_000, 5000)])
def test_what_still_works_is_to_hold_as_many_networks_as_the_store_has_places(
    networks: int, gone: int
) -> None:
    """docs/security.md says so: nobody can tell 20,000 strangers in as many /24s from a popular network."""
    store = make()
    announced = honest(store)
    for number in range(25_000):
        address = (0x40000000 + 256 * (number % networks)).to_bytes(4, "big") + b"\1\1"
        store.add(b"attack" + number.to_bytes(14, "big"), address, 1.0)
    assert lost(store, announced) == gone


@pytest.mark.once
def test_from_1000_networks_those_lose_who_announced_more_than_each_of_them_holds() -> None:
    store = make()
    announced = honest(store, 4000)
    many = [(b"many" + number.to_bytes(16, "big"), compact.pack("20.200.0.1", 6881)) for number in range(100)]
    for info_hash, address in many:
        store.add(info_hash, address, 0.0)
    for number in range(25_000):
        address = (0x40000000 + 256 * (number % 1000)).to_bytes(4, "big") + b"\1\1"
        store.add(b"attack" + number.to_bytes(14, "big"), address, 1.0)
    assert lost(store, announced) == 0
    assert 80 <= lost(store, many) <= 85, "16 are left: as many as each of the 1,000 networks has"
