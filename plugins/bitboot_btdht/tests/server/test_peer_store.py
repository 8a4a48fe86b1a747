"""The peer store: lifetimes, and its caps."""

from __future__ import annotations

import random

from bitboot_btdht.server.peer_store import PeerStore
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import compact

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


def test_peers_per_hash_are_capped_and_the_oldest_goes() -> None:
    store = make(max_peers_per_hash=5)
    for number in range(8):
        assert store.add(HASH, peer(number), float(number))
    assert set(store.get(HASH, 4, 10, 8.0)) == {peer(number) for number in range(3, 8)}
    assert len(store) == 5


def test_hashes_are_capped_and_the_one_announced_longest_ago_goes() -> None:
    store = make(max_hashes=3)
    for number in range(5):
        store.add(bytes([number]) * 20, peer(number), float(number))
    assert store.hashes == len(store) == 3
    assert store.get(bytes([1]) * 20, 4, 10, 5.0) == []
    assert store.get(bytes([4]) * 20, 4, 10, 5.0) == [peer(4)]


def test_peers_in_all_are_capped() -> None:
    store = make(max_peers=10)
    for number in range(40):
        store.add(bytes([number % 4]) * 20, peer(number), float(number))
    assert len(store) <= 10


def test_one_ip_gets_its_share_of_a_hash_and_no_more() -> None:
    store = make(max_ports_per_ip=3)
    answers = [store.add(HASH, compact.pack("20.0.0.1", port), 0.0) for port in range(1, 6)]
    assert answers == [True, True, True, False, False]
    assert store.add(HASH, compact.pack("20.0.0.1", 1), 1.0), "renewing is no new share"
    assert store.add(HASH, peer(2), 1.0)
