"""Who is answered, at what length, and how often: nobody is flooded by way of a node."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import umsgpack
from bitboot_kademlia.messages import encode_call, read_peers_answer
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.storage import commit
from bitboot_kademlia.wire import Address, pack_endpoint, split_endpoints

from bitboot_core import KnownHost
from bitboot_core.aio.limits import packed

from .strangers import MESSAGE, STRANGER, Talk, Time

KEY = b"k" * 20
ID = b"i" * 20
SECRET = b"s" * 16
VICTIM = ("66.6.6.6", 7000)


def fill(talk: Talk, *, keys: int = 50, peers: int = 300) -> None:
    """A node with much to tell: contacts, keys, peers, and a long value."""
    rng = random.Random(1)
    for number in range(200):
        talk.protocol.learn(rng.randbytes(20), (f"20.1.{number}.1", 7000), plain=bool(number % 2))
    for number in range(keys):
        hold(talk, rng.randbytes(20), number)
    for number in range(peers):
        hold(talk, KEY, number)
    talk.protocol.storage.keep(ID, b"x" * 8_000, packed("20.0.0.1"))


def hold(talk: Talk, key: bytes, number: int) -> None:
    endpoint = pack_endpoint(KnownHost(f"30.0.{number >> 8}.{number & 255}", 6881))
    talk.protocol.peers.announce(key, endpoint, commit(number.to_bytes(16, "big")), 1_000, packed("20.0.0.1"))


CALLS: list[tuple[str, list[Any]]] = [
    ("stun", []),
    ("ping", [ID]),
    ("hello", [ID]),
    ("find_node", [ID, KEY]),
    ("find_value", [ID, KEY]),
    ("find_value", [ID, ID]),
    ("store", [ID, KEY, 1]),
    ("find_peers", [ID, KEY, 0]),
    ("find_peers", [b"", KEY, 5]),
    ("keys", [ID, b""]),
    ("records", [ID, KEY, 0]),
    ("announce", [ID, KEY, "", 1, 1, b"t" * 8, b"c" * 16]),
    ("withdraw", [ID, KEY, SECRET]),
]


def unpadded(name: str, args: list[Any]) -> bytes:
    """As the bare library and Bitboot 0.1 send it."""
    return b"\x00" + MESSAGE + bytes(umsgpack.packb([name, args]))


def padded(name: str, args: list[Any]) -> bytes:
    return encode_call(MESSAGE, name, args)


@pytest.mark.parametrize("make", [unpadded, padded])
@pytest.mark.parametrize(("name", "args"), CALLS)
@pytest.mark.parametrize("is_contact", [False, True])
async def test_nobody_is_sent_more_than_three_times_what_came_in_its_name(
    talk: Talk, make: Callable[[str, list[Any]], bytes], name: str, args: list[Any], *, is_contact: bool
) -> None:
    """The greeting of a node that is new counts too."""
    fill(talk)
    if is_contact:
        talk.protocol.learn(ID, VICTIM, plain=False)
    call = make(name, args)
    sent = talk.send(call, VICTIM)
    assert {address for _, address in sent} <= {VICTIM}
    assert sum(len(datagram) for datagram, _ in sent) <= 3 * len(call)
    if name not in {"keys", "records"} or is_contact:
        assert sent, "and yet it is answered"


async def test_whoever_shows_a_token_is_answered_in_full(talk: Talk) -> None:
    fill(talk)
    answer = read_peers_answer(talk.call("find_peers", ID, KEY, 0, has_token=False))
    (full, _) = talk.send(encode_call(MESSAGE, "find_peers", [ID, KEY, 0], answer.token))[0]
    assert 1_100 < len(full) <= Settings().reply_bytes
    assert len(read_peers_answer(umsgpack.unpackb(full[21:])).nodes) == Settings().k * 26
    assert len(talk.call("keys", ID, b"")) > 2 * 30
    assert len(talk.call("records", ID, KEY, 0)[0]) > 900


async def test_a_token_is_good_at_no_other_address(talk: Talk) -> None:
    fill(talk)
    token = talk.protocol.tokens.issue(STRANGER[0])
    call = encode_call(MESSAGE, "find_peers", [b"", KEY, 0], token)
    ((datagram, _),) = talk.send(call, VICTIM)
    assert len(datagram) <= 3 * len(call)


async def test_short_answers_lead_to_everything_in_the_end(talk: Talk, time: Time) -> None:
    """Bitboot 0.1, which shows no token, and a host with the longest of names in the middle."""
    fill(talk, peers=20)
    name = ".".join(["x" * 60] * 4)
    talk.protocol.peers.announce(KEY, pack_endpoint(KnownHost(name, 1)), b"c" * 16, 1_000, packed("20.0.0.1"))
    for number in range(20, 40):
        hold(talk, KEY, number)
    for make, least in ((unpadded, 40), (padded, 41)):
        found: set[bytes] = set()
        after = 0
        while True:
            time.now += 1
            datagrams = talk.send(make("find_peers", [b"", KEY, after]))
            answer = read_peers_answer(umsgpack.unpackb(datagrams[0][0][21:]))
            found.update(split_endpoints(answer.peers))
            after = answer.more
            if not after:
                break
        assert len(found) >= least


def answered(talk: Talk, calls: list[tuple[bytes, Address]]) -> int:
    return sum(any(one[0] == 1 for one, _ in talk.send(datagram, sender)) for datagram, sender in calls)


async def test_what_one_address_or_network_is_sent_has_a_limit(talk: Talk, time: Time) -> None:
    """Whatever number of calls come in its name. In all bytes: 50 kB/s at one network."""
    fill(talk)
    call = padded("find_peers", [b"", KEY, 0])
    sent = 0
    for second in range(30):
        before = len(talk.sent.datagrams)
        for number in range(1_000):
            talk.send(call, (f"66.6.6.{number % 250}", 7000))
        if second >= 10:  # what may come at once has come
            sent += sum(len(one) for one, _ in talk.sent.datagrams[before:])
        talk.sent.datagrams.clear()
        time.now += 1
    assert 0 < sent <= 20 * 50_000


async def test_keys_are_not_for_strangers(talk: Talk) -> None:
    """Nor are records: who is no contact, and shows no token, is not even read."""
    fill(talk)
    calls = [
        (padded("keys", [ID, b""]), (f"66.{number >> 8}.{number & 255}.1", 7000)) for number in range(5_000)
    ]
    assert answered(talk, calls) == 0
    assert talk.protocol.counters["unanswered"] == 5_000
    assert talk.call("find_peers", b"", KEY, 0, has_token=False), "others are served meanwhile"


async def test_under_a_flood_of_strangers_contacts_and_those_with_tokens_are_served(talk: Talk) -> None:
    talk.protocol.learn(ID, STRANGER, plain=False)
    call = padded("find_peers", [b"", KEY, 0])
    flood = [(call, (f"66.{number >> 8}.{number & 255}.1", 7000)) for number in range(10_000)]
    assert answered(talk, flood) == Settings().calls_of_strangers
    assert talk.call("hello", ID, has_token=False) == talk.protocol.node_id
    assert talk.call("hello", ID, sender=("67.0.0.1", 7000)) == talk.protocol.node_id


# Nodes with the bare library, which have no tokens


async def test_a_value_is_not_kept_for_an_address_that_is_made_up(talk: Talk) -> None:
    for number in range(600):
        sender = f"66.{number >> 8}.{number & 255}.1", 7000
        talk.send(unpadded("store", [number.to_bytes(20, "big"), number.to_bytes(20, "big"), 1]), sender)
    assert len(talk.protocol.storage) == 0


async def test_a_value_is_kept_for_whoever_has_answered(talk: Talk) -> None:
    """As the library does it: it asks for the nodes near the key, and is greeted at that; then it stores."""
    (greeting, _), _ = talk.send(unpadded("find_node", [ID, KEY]), STRANGER)
    assert talk.call("store", ID, KEY, "a value", has_token=False) is False
    talk.answer(greeting, ID)
    assert talk.call("store", ID, KEY, "a value", has_token=False) is True


async def test_a_long_value_is_for_those_who_have_answered_and_not_too_often(talk: Talk, time: Time) -> None:
    fill(talk)
    talk.protocol.introduced.answered(STRANGER)
    assert talk.call("find_value", ID, ID, has_token=False) == {"value": b"x" * 8_000}
    assert isinstance(talk.call("find_value", ID, ID, has_token=False), list), "nodes instead"
    time.now += 10
    assert talk.call("find_value", ID, ID, has_token=False) == {"value": b"x" * 8_000}
    assert isinstance(talk.call("find_value", ID, ID, has_token=False, sender=VICTIM), list)
