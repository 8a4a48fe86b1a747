"""The set of peers: lifetimes, withdrawal, what is handed on, and the caps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.storage import LOOPBACK, PeerStore, commit, source_of
from bitboot_kademlia.tokens import EPOCH, Tokens
from bitboot_kademlia.values import LIFETIME, ValueStore
from bitboot_kademlia.wire import HandedRecord, pack_endpoint, split_endpoints, split_records, unpack_endpoint

from bitboot_core import KnownHost

from .strangers import Time

KEY = b"k" * 20
SECRET = b"s" * 16
HERE = "20.0.0.1"
PEER = pack_endpoint(KnownHost("30.0.0.1", 1000))


@pytest.fixture
def store(time: Time) -> PeerStore:
    return PeerStore(Settings(), time)


def peers(store: PeerStore, key: bytes = KEY) -> list[bytes]:
    return split_endpoints(store.peers(key, 0, 1 << 20)[0])


def peer(number: int) -> bytes:
    return pack_endpoint(KnownHost("30.0.0.1", number + 1))


def fill(store: PeerStore, count: int, *, key: bytes = KEY, source: str = HERE) -> int:
    """Announce `count` peers; how many were kept."""
    return sum(
        store.announce(key, peer(number), commit(key + number.to_bytes(4, "big")), 100, source) > 0
        for number in range(count)
    )


def handed(store: PeerStore, key: bytes = KEY) -> list[HandedRecord]:
    return split_records(store.records(key, 0, 1 << 20)[0])


def test_each_peer_has_a_lifetime_of_its_own(store: PeerStore, time: Time) -> None:
    store.announce(KEY, peer(1), commit(b"1" * 16), 100, HERE)
    store.announce(KEY, peer(2), commit(b"2" * 16), 200, HERE)
    time.now += 99
    assert peers(store) == [peer(1), peer(2)]
    time.now += 1
    assert peers(store) == [peer(2)]
    time.now += 100
    store.sweep()
    assert (len(store), store.keys, peers(store)) == (0, 0, [])
    assert store.fingerprint(KEY) == 0


def test_a_renewal_prolongs_and_never_shortens(store: PeerStore, time: Time) -> None:
    store.announce(KEY, PEER, commit(SECRET), 100, HERE)
    time.now += 50
    assert store.announce(KEY, PEER, commit(SECRET), 100, HERE) == 100
    assert store.announce(KEY, PEER, commit(SECRET), 1, "66.6.6.6") == 1
    time.now += 99
    assert peers(store) == [PEER]
    assert len(store) == 1


def test_no_more_is_granted_than_the_longest_lifetime(store: PeerStore) -> None:
    assert store.announce(KEY, PEER, commit(SECRET), 1e9, HERE) == Settings().max_lifetime


def test_whoever_shows_the_secret_withdraws(store: PeerStore) -> None:
    store.announce(KEY, PEER, commit(SECRET), 100, HERE)
    assert not store.withdraw(KEY, b"x" * 16)
    assert not store.withdraw(b"o" * 20, SECRET)
    assert not store.withdraw(KEY, commit(SECRET)), "what everybody can see is no secret"
    assert peers(store) == [PEER]
    assert store.withdraw(KEY, SECRET)
    assert peers(store) == []


def test_somebody_else_who_announces_the_same_peer_cannot_withdraw_ours(store: PeerStore) -> None:
    store.announce(KEY, PEER, commit(SECRET), 100, HERE)
    store.announce(KEY, PEER, commit(b"t" * 16), 100, "66.6.6.6")
    store.withdraw(KEY, b"t" * 16)
    assert peers(store) == [PEER]


def test_what_is_withdrawn_stays_so_until_it_would_have_lapsed(store: PeerStore, time: Time) -> None:
    store.announce(KEY, PEER, commit(SECRET), 100, HERE)
    before = handed(store)
    store.withdraw(KEY, SECRET)
    store.hand(KEY, before[0], HERE)
    assert store.announce(KEY, PEER, commit(SECRET), 100, HERE) == 0
    assert peers(store) == []
    assert store.announce(KEY, PEER, commit(b"t" * 16), 100, HERE) == 100, "announced anew, with a new secret"
    assert peers(store) == [PEER]
    time.now += 101
    store.sweep()
    assert len(store) == 0


def test_what_is_held_is_handed_on(store: PeerStore, time: Time) -> None:
    fill(store, 300)
    other = PeerStore(Settings(), time)
    after, pages = 0, 0
    while True:
        page, after = store.records(KEY, after, 1_000)
        assert len(page) <= 1_000
        for record in split_records(page):
            other.hand(KEY, record, HERE)
        pages += 1
        if not after:
            break
    assert pages > 1
    assert sorted(peers(other)) == sorted(peers(store))
    assert other.fingerprint(KEY) == store.fingerprint(KEY) != 0


def test_handing_on_prolongs_nothing(store: PeerStore, time: Time) -> None:
    store.announce(KEY, PEER, commit(SECRET), 100, HERE)
    (record,) = handed(store)
    assert record.lifetime == 100
    time.now += 50
    store.hand(KEY, record, HERE)
    time.now += 50
    assert peers(store) == []


def test_two_nodes_cannot_keep_a_dead_peer_alive_between_them(store: PeerStore, time: Time) -> None:
    """The library's holders republish what they have, for ever."""
    other = PeerStore(Settings(), time)
    store.announce(KEY, PEER, commit(SECRET), 100, HERE)
    for _ in range(200):
        for giver, taker in ((store, other), (other, store)):
            for record in handed(giver):
                taker.hand(KEY, record, HERE)
        time.now += 1
    assert peers(store) == peers(other) == []


def test_withdrawal_is_handed_on_with_its_proof(store: PeerStore, time: Time) -> None:
    other, third = PeerStore(Settings(), time), PeerStore(Settings(), time)
    for one in (store, other):
        one.announce(KEY, PEER, commit(SECRET), 100, HERE)
    store.withdraw(KEY, SECRET)
    assert store.fingerprint(KEY) != other.fingerprint(KEY)
    (record,) = handed(store)
    forged = record._replace(secret=b"x" * 16)
    other.hand(KEY, forged, HERE)
    third.hand(KEY, forged, HERE)
    assert peers(other) == [PEER], "nobody believes a withdrawal without proof"
    assert len(third) == 0
    other.hand(KEY, record, HERE)
    third.hand(KEY, record, HERE)
    assert peers(other) == peers(third) == []
    third.hand(KEY, record._replace(secret=None), HERE)
    assert peers(third) == []


def test_pages_hold_all_and_no_more_than_asked_for(store: PeerStore) -> None:
    fill(store, 500)
    seen: list[bytes] = []
    after = 0
    while True:
        page, after = store.peers(KEY, after, 200)
        assert len(page) <= 200
        seen += split_endpoints(page)
        if not after:
            break
    assert seen == [peer(number) for number in range(500)]


def test_the_nearest_keys_come_first_and_page_by_page(store: PeerStore) -> None:
    keys = [bytes([number]) * 20 for number in range(30)]
    for key in keys:
        store.announce(key, PEER, commit(SECRET), 100, HERE)
    first = store.nearest_keys(0, -1, 20)
    rest = store.nearest_keys(0, int.from_bytes(first[-1], "big"), 20)
    assert first + rest == keys


def test_a_source_gets_no_more_than_its_share_of_a_key(store: PeerStore) -> None:
    share = Settings().max_peers_per_key_and_source
    assert fill(store, share + 5) == share
    assert fill(store, 5) == 5, "a renewal needs no room"
    assert store.announce(KEY, peer(share + 9), commit(b"9" * 16), 100, "20.0.0.2") == 100


def test_a_source_gets_no_more_than_its_share_in_all(time: Time) -> None:
    settings = replace(Settings(), max_peers_per_source=10)
    store = PeerStore(settings, time)
    kept = sum(fill(store, 3, key=bytes([number]) * 20) for number in range(9))
    assert kept == 10
    assert fill(store, 3, key=b"z" * 20, source="20.0.0.2") == 3


def test_a_source_gets_no_more_than_its_share_of_the_keys(time: Time) -> None:
    store = PeerStore(replace(Settings(), max_keys=20, max_keys_per_source=5), time)
    keys = [bytes([number]) * 20 for number in range(9)]
    assert sum(fill(store, 1, key=key) for key in keys) == 5
    assert sum(fill(store, 1, key=key, source="20.0.0.2") for key in keys) == 9, (
        "of which it was first at four"
    )
    time.now += 101
    store.sweep()
    assert sum(fill(store, 1, key=key) for key in keys) == 5


def test_the_store_holds_no_more_than_its_caps(time: Time) -> None:
    store = PeerStore(replace(Settings(), max_keys=4, max_peers=10, max_peers_per_key=3), time)
    assert fill(store, 5) == 3
    for number in range(9):
        fill(store, 1, key=bytes([number]) * 20)
    assert store.keys == 4
    assert peers(store), "what was there is not pushed out"
    store = PeerStore(replace(Settings(), max_peers=10), time)
    assert fill(store, 50) == 10


def test_what_has_lapsed_makes_room(time: Time) -> None:
    store = PeerStore(replace(Settings(), max_peers=10), time)
    assert fill(store, 20) == 10
    time.now += 101
    assert fill(store, 5, key=b"z" * 20) == 5


def test_what_was_counted_is_counted_off(time: Time) -> None:
    store = PeerStore(replace(Settings(), max_peers_per_source=10), time)
    for _ in range(5):
        assert fill(store, 15) == 10
        time.now += 101
        store.sweep()
        assert len(store) == 0


def test_who_counts_as_one_source() -> None:
    assert source_of("20.0.0.1") != source_of("20.0.0.2")
    assert source_of("2001:db8:1:2::1") == source_of("2001:db8:1:2:ffff::9")
    assert source_of("2001:db8:1:2::1") != source_of("2001:db8:1:3::1")
    assert source_of("127.0.0.1") == source_of("::1") == LOOPBACK


def test_on_loopback_there_are_no_shares(time: Time) -> None:
    store = PeerStore(replace(Settings(), max_peers=20, max_peers_per_source=3, max_keys_per_source=1), time)
    assert fill(store, 10, source=LOOPBACK) == fill(store, 10, key=b"z" * 20, source=LOOPBACK) == 10
    assert fill(store, 10, key=b"y" * 20, source=LOOPBACK) == 0


def test_an_endpoint_that_is_kept_can_be_read() -> None:
    assert unpack_endpoint(PEER) == KnownHost("30.0.0.1", 1000)


def test_a_token_is_good_for_one_address_and_for_a_time(time: Time) -> None:
    tokens = Tokens(time)
    token = tokens.issue(HERE)
    assert tokens.accepts(token, HERE)
    assert not tokens.accepts(token, "20.0.0.2")
    assert not tokens.accepts(b"x" * 8, HERE)
    assert not Tokens(time).accepts(token, HERE), "every node has a secret of its own"
    time.now += EPOCH
    assert tokens.accepts(token, HERE)
    time.now += EPOCH
    assert not tokens.accepts(token, HERE)


def test_values_of_plain_nodes_are_kept_for_a_week_and_capped(time: Time) -> None:
    store = ValueStore(replace(Settings(), max_values=3, max_value_bytes=100), time)
    store[b"a"] = "text"
    store[b"b"] = b"x" * 60
    with pytest.raises(KeyError):
        store[b"c"] = b"x" * 60
    store[b"b"] = 7
    store[b"c"] = True
    with pytest.raises(KeyError):
        store[b"d"] = 1.5
    assert dict(store) == {b"a": "text", b"b": 7, b"c": True}
    assert (store[b"a"], store.get(b"x"), store.get(b"x", 1), len(store)) == ("text", None, 1, 3)
    time.now += LIFETIME / 2
    store[b"a"] = "new"
    assert store.iter_older_than(60) == [(b"b", 7), (b"c", True)]
    time.now += LIFETIME / 2
    assert dict(store) == {b"a": "new"}
    with pytest.raises(KeyError):
        store[b"b"]
    store[b"d"] = b"x" * 80
