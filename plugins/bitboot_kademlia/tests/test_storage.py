"""The set of peers: lifetimes, withdrawal, what is handed on, and the caps."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.storage import PeerStore, commit
from bitboot_kademlia.tokens import EPOCH, HeldTokens, Tokens
from bitboot_kademlia.values import LIFETIME, ValueStore
from bitboot_kademlia.wire import HandedRecord, pack_endpoint, split_endpoints, split_records, unpack_endpoint

from bitboot_core import KnownHost
from bitboot_core.aio.limits import packed

from .strangers import Time

KEY = b"k" * 20
SECRET = b"s" * 16
HERE = packed("20.0.0.1")
ELSEWHERE = packed("20.0.9.2")
PEER = pack_endpoint(KnownHost("30.0.0.1", 1000))


@pytest.fixture
def store(time: Time) -> PeerStore:
    return PeerStore(Settings(), time)


def peers(store: PeerStore, key: bytes = KEY) -> list[bytes]:
    return split_endpoints(store.peers(key, 0, 1 << 20)[0])


def peer(number: int) -> bytes:
    return pack_endpoint(KnownHost("30.0.0.1", number + 1))


def fill(store: PeerStore, count: int, *, key: bytes = KEY, ip: bytes = HERE) -> int:
    """Announce `count` peers; how many were kept."""
    return sum(
        store.announce(key, peer(number), commit(key + number.to_bytes(4, "big")), 100, ip) > 0
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
    assert store.announce(KEY, PEER, commit(SECRET), 1, packed("66.6.6.6")) == 1
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
    store.announce(KEY, PEER, commit(b"t" * 16), 100, packed("66.6.6.6"))
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


def test_the_nearest_of_many_keys_are_the_nearest(store: PeerStore) -> None:
    """As many as there may be, half of them alike in their first bytes."""
    rng = random.Random(1)
    keys = [rng.randbytes(20) if number % 2 else b"alike" * 3 + rng.randbytes(5) for number in range(2_000)]
    for key in keys:
        store.announce(key, PEER, commit(SECRET), 100, HERE)
    for target in (rng.randbytes(20), keys[0], keys[1], b"alike" * 4):
        number = int.from_bytes(target, "big")
        right = sorted(keys, key=lambda key, number=number: int.from_bytes(key, "big") ^ number)  # type: ignore[misc]
        found: list[bytes] = []
        while len(found) < len(keys):
            beyond = int.from_bytes(found[-1], "big") ^ number if found else -1
            found += store.nearest_keys(number, beyond, 70)
        assert found == right
        assert store.nearest_keys(number, int.from_bytes(found[-1], "big") ^ number, 5) == []


# Full


def hosts(network: str, count: int) -> list[bytes]:
    return [packed(f"{network}.{number}") for number in range(count)]


def crowd(store: PeerStore, ips: list[bytes], each: int, *, key: bytes = KEY) -> int:
    """Each of `ips` announces so many peers of its own; how many were kept."""
    return sum(
        store.announce(key, peer(number), commit(ip + number.to_bytes(4, "big")), 7_200, ip) > 0
        for ip in ips
        for number in range(each)
    )


@pytest.mark.parametrize("strangers", [hosts("66.6.6", 4), hosts("66.6.6", 60)])
def test_whoever_fills_the_store_makes_room_for_others(time: Time, strangers: list[bytes]) -> None:
    """Four addresses, or sixty of one /24, hold all there is: newcomers come in, and stay."""
    store = PeerStore(replace(Settings(), max_peers=240), time)
    assert crowd(store, strangers, 240 // len(strangers), key=b"z" * 20) == 240
    friends = [packed(f"30.{number}.0.1") for number in range(20)]
    assert crowd(store, friends, 1) == 20
    crowd(store, strangers, 300, key=b"y" * 20)
    assert len(peers(store)) == 20
    assert len(store) == 240


@pytest.mark.parametrize("strangers", [hosts("66.6.6", 4), hosts("66.6.6", 60)])
def test_whoever_fills_a_key_makes_room_for_others(time: Time, strangers: list[bytes]) -> None:
    store = PeerStore(replace(Settings(), max_peers_per_key=120), time)
    assert crowd(store, strangers, 120 // len(strangers)) == 120
    for number in range(20):
        friend = packed(f"30.{number}.0.1")
        assert store.announce(KEY, peer(1_000 + number), commit(friend), 100, friend)
    crowd(store, strangers, 100)
    assert {peer(1_000 + number) for number in range(20)} < set(peers(store))
    assert len(peers(store)) == 120


@pytest.mark.parametrize("strangers", [hosts("66.6.6", 4), hosts("66.6.6", 60)])
def test_whoever_fills_the_keys_makes_room_for_others(time: Time, strangers: list[bytes]) -> None:
    store = PeerStore(replace(Settings(), max_keys=60), time)
    for number in range(60):
        assert fill(store, 1, key=bytes([number]) * 20, ip=strangers[number % len(strangers)]) == 1
    for number in range(5):
        assert fill(store, 1, key=bytes([100 + number]) * 20, ip=packed(f"30.{number}.0.1")) == 1
    for number in range(50):
        fill(store, 1, key=bytes([150 + number]) * 20, ip=strangers[number % len(strangers)])
    assert store.keys == 60
    assert all(peers(store, bytes([100 + number]) * 20) for number in range(5))


def test_whoever_was_first_under_a_key_takes_nobody_with_it(time: Time) -> None:
    """A stranger opens keys that others use too: when it has to make room, theirs stay."""
    store = PeerStore(replace(Settings(), max_keys=10), time)
    for number in range(10):
        fill(store, 1, key=bytes([number]) * 20, ip=packed("66.6.6.6"))
    store.announce(bytes(20), peer(9), commit(b"9" * 16), 100, ELSEWHERE)
    for number in range(3):
        assert fill(store, 1, key=bytes([100 + number]) * 20, ip=packed(f"30.{number}.0.1")) == 1
    assert peer(9) in peers(store, bytes(20))
    assert store.keys == 10


def test_two_strangers_under_all_keys_hold_up_nobody(time: Time) -> None:
    store = PeerStore(replace(Settings(), max_keys=50), time)
    for number in range(50):
        for host in ("66.6.6.6", "67.7.7.7"):
            crowd(store, [packed(host)], 1, key=bytes([number]) * 20)
    assert fill(store, 1, key=b"z" * 20, ip=ELSEWHERE) == 1
    assert store.keys == 50


def test_whoever_holds_most_is_refused_more(time: Time) -> None:
    store = PeerStore(replace(Settings(), max_peers=10), time)
    fill(store, 2, key=b"z" * 20, ip=ELSEWHERE)
    assert fill(store, 20) == 8
    assert fill(store, 5) == 5, "a renewal needs no room"
    assert len(peers(store, b"z" * 20)) == 2


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
    store = PeerStore(replace(Settings(), max_peers=10), time)
    for _ in range(5):
        assert fill(store, 15) == 10
        time.now += 101
        store.sweep()
        assert len(store) == 0


def test_an_endpoint_that_is_kept_can_be_read() -> None:
    assert unpack_endpoint(PEER) == KnownHost("30.0.0.1", 1000)


def test_a_token_is_good_for_one_address_and_for_a_time(time: Time) -> None:
    tokens = Tokens(time)
    token = tokens.issue("20.0.0.1")
    assert tokens.accepts(token, "20.0.0.1")
    assert not tokens.accepts(token, "20.0.0.2")
    assert not tokens.accepts(b"x" * 8, "20.0.0.1")
    assert not Tokens(time).accepts(token, "20.0.0.1"), "every node has a secret of its own"
    time.now += EPOCH
    assert tokens.accepts(token, "20.0.0.1")
    time.now += EPOCH
    assert not tokens.accepts(token, "20.0.0.1")


def test_tokens_of_others_are_shown_while_they_are_good(time: Time) -> None:
    held = HeldTokens(time, 3)
    for number in range(5):
        held.put(("20.0.0.1", number), bytes([number]))
    assert len(held) == 3
    assert [held.get(("20.0.0.1", number)) for number in range(5)] == [b"", b"", b"\x02", b"\x03", b"\x04"]
    time.now += EPOCH
    assert held.get(("20.0.0.1", 4)) == b""


def test_values_of_plain_nodes_are_kept_for_a_week(time: Time) -> None:
    store = ValueStore(Settings(), time)
    assert store.keep(b"a", "text", HERE)
    assert store.keep(b"b", b"x" * 60, HERE)
    assert store.keep(b"b", 7, ELSEWHERE), "theirs to overwrite"
    assert store.keep(b"c", True, HERE)
    assert dict(store) == {b"a": "text", b"b": 7, b"c": True}
    assert (store[b"a"], store.get(b"x"), store.get(b"x", 1), len(store)) == ("text", None, 1, 3)
    time.now += LIFETIME / 2
    store.keep(b"a", "new", HERE)
    assert store.iter_older_than(60) == [(b"b", 7), (b"c", True)]
    time.now += LIFETIME / 2
    assert dict(store) == {b"a": "new"}
    with pytest.raises(KeyError):
        store[b"b"]
    with pytest.raises(NotImplementedError):
        store[b"b"] = 1


def test_whoever_fills_the_room_for_values_makes_room_for_others(time: Time) -> None:
    store = ValueStore(replace(Settings(), max_value_slots=20), time)
    strangers = hosts("66.6.6", 4)
    for number in range(40):
        store.keep(b"s%d" % number, 1, strangers[number % 4])
    assert len(store) == 20
    assert store.keep(b"long", b"x" * 8_000, ELSEWHERE), "it takes four slots"
    assert len(store) == 17
    for number in range(40):
        store.keep(b"t%d" % number, 1, strangers[number % 4])
    assert store.get(b"long") == b"x" * 8_000
    assert len(store) == 17


def test_whoever_holds_most_values_is_refused_more(time: Time) -> None:
    store = ValueStore(replace(Settings(), max_value_slots=4), time)
    assert [store.keep(bytes([number]), 1, HERE) for number in range(6)] == [True] * 4 + [False] * 2
    assert store.keep(bytes([1]), 2, HERE), "what it has it may overwrite"
    assert not store.keep(bytes([1]), b"x" * 3_000, HERE)
    assert store[bytes([1])] == 2
