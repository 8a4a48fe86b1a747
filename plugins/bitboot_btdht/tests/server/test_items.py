"""What others may get and put here (BEP 44): each rule of the BEP, and each error code."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import bencode, compact
from hypothesis import given
from hypothesis import strategies as st

from bitboot_core import Item
from bitboot_core.items import MAX_SEQ, immutable_target

from ..conftest import Stranger
from ..publishers import BOB, code, fields, get, put, version

HELLO = b"Hello World!"
TARGET = immutable_target(b"12:Hello World!")


@pytest.fixture
def stranger(node: Node) -> Stranger:
    return Stranger(node)


# Immutable items


def test_an_immutable_item_is_kept_under_the_hash_of_its_value(stranger: Stranger) -> None:
    """BEP 44, "Test Vectors", test 3."""
    assert TARGET.hex() == "e5f96f6f38320f0f33959cb4d3d656452117aadb"
    assert code(put(stranger, v=HELLO)) is None
    reply = get(stranger, TARGET)
    assert reply[b"v"] == HELLO
    assert not {b"k", b"seq", b"sig"} & reply.keys()
    assert get(stranger, b"x" * 20).keys() == {b"id", b"nodes", b"token"}


@pytest.mark.parametrize("value", [7, [b"a", 2], {b"a": 1, b"b": [b"c", {}]}, b"", b"\0\xff" * 400])
def test_any_bencoded_value_is_kept(stranger: Stranger, value: Any) -> None:
    assert code(put(stranger, v=value)) is None
    assert get(stranger, hashlib.sha1(bencode.encode(value)).digest())[b"v"] == value


@pytest.mark.parametrize(("length", "expected"), [(996, None), (997, 205), (1_100, 205)])
def test_a_value_has_at_most_1000_bytes_bencoded(
    stranger: Stranger, length: int, expected: int | None
) -> None:
    assert code(put(stranger, v=b"x" * length)) == expected


def test_a_value_with_many_parts_is_read_too(node: Node) -> None:
    """Some 250 of any kind are read at once. Of longer puts 50 a second are."""
    strangers = [Stranger(node, f"20.0.{number}.1") for number in range(60)]
    tokens = [get(stranger, TARGET)[b"token"] for stranger in strangers]
    answers = [
        stranger.raw_query(b"put", v=[0] * 320, token=token)
        for stranger, token in zip(strangers, tokens, strict=True)
    ]
    assert [bool(answer) for answer in answers] == [True] * 50 + [False] * 10
    assert strangers[-1].raw_query(b"put", v=b"e:" * 480, token=tokens[-1]), "it is one part, whatever it has"
    for stranger in strangers:
        stranger.now += 1.0
    assert strangers[-1].raw_query(b"put", v=[0] * 320, token=tokens[-1])


# Tokens


@pytest.mark.parametrize("token", [b"wrong", b"", 7, None])
def test_without_the_token_nothing_is_kept(stranger: Stranger, token: object) -> None:
    """And nothing is said of what else is wrong, nor any signature looked at."""
    wrong: dict[str, Any] = {} if token is None else {"token": token}
    values = fields(version(HELLO), sig=b"s" * 64)
    assert stranger.query(b"put", **values, **wrong)[b"e"] == [203, b"bad token"]
    assert len(stranger.node.items.stored) == 0


def test_somebody_elses_token_is_none(node: Node) -> None:
    token = get(Stranger(node, "30.0.0.1"), TARGET)[b"token"]
    assert code(put(Stranger(node), v=HELLO, token=token)) == 203


# Mutable items

VECTOR_KEY = bytes.fromhex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548")
VECTORS = [
    (
        b"",
        "4a533d47ec9c7d95b1ad75f576cffc641853b750",
        "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
        "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01",
    ),
    (
        b"foobar",
        "411eba73b6f087ca51a3795d9c8c938d365e32c1",
        "6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d"
        "df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08",
    ),
]


@pytest.mark.parametrize(("salt", "target", "signature"), VECTORS)
def test_a_mutable_item_is_kept_under_key_and_salt(
    stranger: Stranger, salt: bytes, target: str, signature: str
) -> None:
    """BEP 44, "Test Vectors", tests 1 and 2."""
    item = Item(
        public_key=VECTOR_KEY,
        seq=1,
        encoded=b"12:Hello World!",
        signature=bytes.fromhex(signature),
        salt=salt,
    )
    assert item.target.hex() == target
    assert code(put(stranger, **fields(item))) is None
    reply = get(stranger, item.target)
    assert (reply[b"k"], reply[b"seq"], reply[b"sig"], reply[b"v"]) == (
        VECTOR_KEY,
        1,
        item.signature,
        HELLO,
    )
    assert b"salt" not in reply


def test_an_empty_salt_is_none(stranger: Stranger) -> None:
    item = version(HELLO)
    assert code(put(stranger, **fields(item, salt=b""))) is None
    assert get(stranger, item.target)[b"v"] == HELLO


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"sig": b"s" * 64}, 206),
        ({"v": b"another"}, 206),
        ({"seq": 2}, 206),
        ({"salt": b"another"}, 206),
        ({"k": BOB.public_key}, 206),
        ({"salt": b"x" * 65}, 207),
        ({"v": b"x" * 997}, 205),
        ({"sig": b"s" * 63}, 203),
        ({"sig": None}, 203),
        ({"k": b"k" * 31}, 203),
        ({"k": None}, 203),
        ({"seq": None}, 203),
        ({"seq": -1}, 203),
        ({"seq": MAX_SEQ + 1}, 203),
        ({"seq": b"1"}, 203),
        ({"salt": 7}, 203),
        ({"cas": b"1"}, 203),
        ({"v": None}, 203),
    ],
)
def test_what_is_refused_and_with_which_code(
    stranger: Stranger, changes: dict[str, Any], expected: int
) -> None:
    assert code(put(stranger, **fields(version(HELLO), **changes))) == expected
    assert len(stranger.node.items.stored) == 0


@pytest.mark.parametrize(
    "written", [b"d1:bi1e1:ai2ee", b"i007e", b"d1:ai1e1:ai2ee", b"l05:helloe", b"012:Hello World!"]
)
def test_a_value_that_is_not_bencoded_as_it_should_be_is_refused(stranger: Stranger, written: bytes) -> None:
    """BEP 44, "Terminology": it MUST be rejected, with code 203."""
    token = get(stranger, TARGET)[b"token"]
    body = b"d2:id20:%b5:token%d:%b1:v%be" % (stranger.id, len(token), token, written)
    (reply,) = stranger.send(b"d1:a%b1:q3:put1:t2:aa1:y1:qe" % body)
    assert code(reply) == 203
    assert len(stranger.node.items.stored) == 0


def test_a_newer_version_replaces_an_older_one_and_never_the_other_way_round(stranger: Stranger) -> None:
    first, second = version(b"first", 5), version(b"second", 6)
    assert code(put(stranger, **fields(second))) is None
    assert code(put(stranger, **fields(first))) == 302
    assert get(stranger, first.target)[b"v"] == b"second"
    assert code(put(stranger, **fields(version(b"third", MAX_SEQ)))) is None
    assert get(stranger, first.target)[b"v"] == b"third"
    assert len(stranger.node.items.stored) == 1


def test_the_same_number_with_another_value_is_refused(stranger: Stranger) -> None:
    assert code(put(stranger, **fields(version(b"one", 5)))) is None
    assert code(put(stranger, **fields(version(b"two", 5)))) == 302
    assert code(put(stranger, **fields(version(b"one", 5)))) is None
    assert get(stranger, version(b"one").target)[b"v"] == b"one"


def test_cas_names_the_version_to_be_replaced(stranger: Stranger) -> None:
    first, second = version(b"first", 5), version(b"second", 6)
    assert code(put(stranger, **fields(first, cas=99))) is None, "where there is nothing, it does not count"
    assert code(put(stranger, **fields(second, cas=4))) == 301
    assert code(put(stranger, **fields(second, cas=6))) == 301
    assert get(stranger, first.target)[b"v"] == b"first"
    assert code(put(stranger, **fields(second, cas=5))) is None
    assert get(stranger, first.target)[b"v"] == b"second"
    assert code(put(stranger, **fields(second, cas=5))) is None, "the reply to the first was lost"


def test_keys_and_salts_are_separate_items(stranger: Stranger) -> None:
    items = [version(b"%d" % number, number) for number in (1,)]
    items += [version(b"salted", 2, salt=b"s"), version(b"bob's", 3, by=BOB)]
    for item in items:
        assert code(put(stranger, **fields(item))) is None
    for item in items:
        assert get(stranger, item.target)[b"sig"] == item.signature


@pytest.mark.parametrize(("known", "told"), [(4, True), (5, False), (6, False), (b"5", True)])
def test_a_get_that_knows_a_version_is_told_of_newer_ones_alone(
    stranger: Stranger, known: object, told: bool
) -> None:
    item = version(HELLO, 5)
    put(stranger, **fields(item))
    reply = get(stranger, item.target, seq=known)
    assert reply[b"seq"] == 5
    assert all((name in reply) == told for name in (b"k", b"sig", b"v"))


@pytest.mark.parametrize("target", [None, b"short", 7])
def test_a_get_needs_a_target(stranger: Stranger, target: object) -> None:
    arguments: dict[str, Any] = {} if target is None else {"target": target}
    assert stranger.query(b"get", **arguments)[b"e"] == [203, b"bad target"]


# Their time


def test_an_item_is_kept_for_two_hours_and_longer_when_it_is_put_again(stranger: Stranger) -> None:
    item = version(HELLO)
    put(stranger, v=HELLO)
    put(stranger, **fields(item))
    stranger.now = 7000.0
    put(stranger, **fields(item))
    stranger.now = 7201.0
    assert b"v" not in get(stranger, TARGET)
    assert b"v" in get(stranger, item.target)
    stranger.now = 14_201.0
    assert b"v" not in get(stranger, item.target)


def test_upkeep_forgets_what_has_ended(node: Node) -> None:
    put(Stranger(node), v=HELLO)
    while node.now < 7300:
        node.poll(node.deadline())
    assert len(node.items.stored) == 0
    assert node.items.stored.size == 0


# What answers cost


@pytest.mark.parametrize("host", ["20.9.9.9", "2a01:4f8::9"])
def test_a_reply_with_the_longest_item_stays_below_1400_bytes(dual: Node, host: str) -> None:
    for number in range(12):
        Stranger(dual, f"20.0.{number}.1", id_=bytes([number]) * 20).befriend()
        Stranger(dual, f"2a00:{number + 1:x}::1", id_=bytes([number]) * 20).befriend()
    stranger = Stranger(dual, host)
    item = version(b"x" * 996, MAX_SEQ)
    put(stranger, **fields(item))
    for want, fewest in (([b"n4", b"n6"], 2), ([b"n4"], 3), ([b"n6"], 2)):
        query = bencode.encode(
            {
                b"t": b"aa" * 4,
                b"y": b"q",
                b"q": b"get",
                b"a": {b"id": stranger.id, b"target": item.target, b"want": want},
            }
        )
        dual.receive(query, stranger.address, 0.0)
        (datagram,) = [data for data, address in dual.outgoing() if address == stranger.address]
        assert len(datagram) <= Settings().item_reply_bytes
        values = bencode.decode(datagram)[b"r"]
        assert values[b"v"] == b"x" * 996
        assert values[b"sig"] == item.signature
        nodes = len(values.get(b"nodes", b"")) // 26 + len(values.get(b"nodes6", b"")) // 38
        assert nodes >= fewest
    short = version(b"short", 1, salt=b"s")
    put(stranger, **fields(short))
    assert len(get(stranger, short.target, want=[b"n4", b"n6"])[b"nodes"]) == 8 * 26


def test_a_busy_node_tells_of_short_items_alone() -> None:
    node = Node(now=0.0, settings=Settings(first_looks=0, replies_per_second=18, max_dead=1))
    stranger = Stranger(node, "10.0.0.1")
    long, short = version(b"x" * 900, 1, salt=b"long"), version(b"short", 1)
    put(stranger, **fields(long))
    put(stranger, **fields(short))
    put(stranger, v=b"y" * 900)
    assert b"v" in get(stranger, long.target)
    for _ in range(5):
        stranger.query(b"ping")
    reply = get(stranger, long.target)
    assert reply[b"seq"] == 1
    assert not {b"k", b"v", b"sig"} & reply.keys()
    assert get(stranger, short.target)[b"v"] == b"short"
    assert b"v" not in get(stranger, immutable_target(b"900:" + b"y" * 900))


class Counted:
    """Checks no signature, and counts how often it was to."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        self.count += 1
        return signature == b"g" * 64


def signed(number: int, signature: bytes = b"g" * 64) -> dict[str, Any]:
    return {"k": number.to_bytes(32, "big"), "seq": 1, "sig": signature, "v": b"x"}


def test_signatures_are_checked_last_and_only_so_many_a_second() -> None:
    verify = Counted()
    node = Node(now=0.0, settings=Settings(first_looks=0), verify=verify)
    stranger = Stranger(node)
    assert code(put(stranger, **signed(1))) is None
    assert verify.count == 1
    put(stranger, **signed(1))
    put(stranger, **{**signed(1), "v": b"y"})
    put(stranger, **{**signed(1), "salt": b"x" * 65})
    assert verify.count == 1, "all these are decided without"
    codes = [code(put(Stranger(node, f"20.0.{n}.1"), **signed(2 + n, b"b" * 64))) for n in range(5)]
    assert codes == [206] * 5
    before = verify.count
    for number in range(400):
        one = Stranger(node, f"21.{number // 100}.{number % 100}.1")
        put(one, **signed(100 + number, b"b" * 64))
    assert verify.count - before <= 200


def test_one_address_and_one_network_have_their_shares_of_checks() -> None:
    verify = Counted()
    settings = Settings(first_looks=0, replies_per_second_per_ip=None, reply_bytes_per_second_per_subnet=None)
    node = Node(now=0.0, settings=settings, verify=verify)
    one = Stranger(node)
    answers = [code(put(Stranger(node, port=1000 + n), **signed(n))) for n in range(60)]
    assert answers[:20] == [None] * 20
    assert set(answers[20:]) == {202}
    assert code(put(Stranger(node, "20.0.0.2"), **signed(99))) is None, "its neighbour"
    assert code(put(Stranger(node, "30.0.0.1"), **signed(100))) is None
    one.now = 1.0
    assert code(put(one, **signed(200))) is None, "a second later five more"


ANY = st.recursive(
    st.integers(-5, 2**64) | st.binary(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.binary(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["v", "k", "sig", "seq", "salt", "cas", "token"]), ANY, max_size=7))
def test_whatever_is_put_gets_one_answer(values: dict[str, Any]) -> None:
    node = Node(now=0.0, settings=Settings(first_looks=0))
    stranger = Stranger(node)
    answered = code(put(stranger, **values))
    assert answered in {None, 203, 205, 206, 207}
    assert len(node.items.stored) == (answered is None)
    assert compact.family(stranger.address) == 4


@given(ANY)
def test_every_value_comes_back_as_it_was_put(value: Any) -> None:
    node = Node(now=0.0, settings=Settings(first_looks=0))
    stranger = Stranger(node)
    encoded = bencode.encode(value)
    refused = code(put(stranger, v=value))
    assert (refused is None) == (len(encoded) <= 1000)
    if refused is None:
        assert bencode.encode(get(stranger, immutable_target(encoded))[b"v"]) == encoded
