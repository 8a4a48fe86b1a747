"""The mainline node: the decoder alone, KRPC alone, and a node amid a lookup and an announcement."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from bitboot_btdht.lookup.item_found import ImmutableFound, MutableFound
from bitboot_btdht.lookup.survey import Sample
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import bencode, krpc
from bitboot_btdht.wire.compact import Address, is_usable, known_host, pack, unpack_nodes, unpack_peers
from bitboot_btdht.wire.node_id import id_for

from bitboot_core import Identity, Item

KEY = b"k" * 20
ID = b"i" * 20
CONTACT = pack("20.0.0.1", 6881)
CONTACT_6 = pack("2a00:1450::1", 6881)
STRANGER = pack("30.0.0.1", 7000)
STRANGER_6 = pack("2a01:4f8::1", 7000)
SENDERS = (CONTACT, STRANGER, CONTACT_6, STRANGER_6)

NEXT = b"\xff\x00|"
"""Between two datagrams of one input. Each begins with a byte: its lowest two bits say who sends it, the
next two which of the node's queries TRANSACTION stands for."""

TOKEN = b"8:token123"
"""Stands for the node's own write token for whoever sends."""

TRANSACTION = b"4:TTTT"
"""Stands for the id of one of the last queries to the sender, which nobody could guess."""

ALICE = Identity.from_seed(b"a" * 32)
ITEMS = [
    Item.signed(ALICE, b"4:text", seq=3),
    Item.signed(ALICE, b"li1e1:xe", seq=2**63 - 1),
    Item.signed(ALICE, b"0:", seq=1, salt=b"salt"),
]
PUTS: list[dict[bytes, Any]] = [
    {
        b"k": item.public_key,
        b"seq": item.seq,
        b"sig": item.signature,
        b"token": b"token123",
        b"v": bencode.decode(item.encoded),
        **({b"salt": item.salt} if item.salt else {b"cas": 3}),
    }
    for item in ITEMS
]

SETTINGS = Settings()
IDS = {contact: id_for(contact[:-2], random.Random(2)) for contact in (CONTACT, CONTACT_6)}


def seeds() -> list[bytes]:
    nodes = b"".join(bytes([n]) * 20 + pack(f"4{n}.0.0.1", 6881) for n in range(1, 9))
    nodes6 = b"".join(bytes([n]) * 20 + pack(f"2a0{n}::1", 6881) for n in range(1, 9))
    values = [pack(f"5{n}.0.0.1", 6881) for n in range(9)]
    answers: list[dict[bytes, Any]] = [
        {b"id": ID},
        {b"id": ID, b"nodes": nodes, b"nodes6": nodes6, b"token": b"token"},
        {b"id": ID, b"nodes": nodes, b"values": values, b"token": b"token"},
        {b"id": ID, b"payload": b"x" * 300},
        {b"id": ID, b"nodes": nodes, b"interval": 60, b"num": 500, b"samples": b"s" * 400},
        {b"id": ID, b"BFpe": b"\1" * 256, b"BFsd": b"\2" * 256, b"token": b"t", b"values": values},
        {
            b"id": ID,
            b"k": b"K" * 32,
            b"sig": b"S" * 64,
            b"seq": 7,
            b"v": [b"item", {b"a": -1}],
            b"token": b"t",
        },
    ]
    arguments: list[tuple[bytes, dict[bytes, Any]]] = [
        (b"ping", {}),
        (b"find_node", {b"target": KEY, b"want": [b"n4", b"n6"]}),
        (b"get_peers", {b"info_hash": KEY, b"noseed": 1, b"scrape": 1, b"want": [b"n6"]}),
        (b"announce_peer", {b"info_hash": KEY, b"port": 6881, b"token": b"t" * 8, b"implied_port": 1}),
        (b"sample_infohashes", {b"target": KEY}),
        (b"get", {b"target": KEY, b"seq": 1}),
        (
            b"put",
            {b"v": b"item", b"k": b"K" * 32, b"sig": b"S" * 64, b"seq": 7, b"salt": b"s", b"token": b"t"},
        ),
        (b"put", {b"v": [b"value", {b"a": -1}], b"token": b"t"}),
        *((b"put", one) for one in PUTS),
        (b"get", {b"target": ITEMS[0].target}),
        (b"vote", {b"target": KEY}),
        (b"bitboot", {b"payload": b"x" * 300}),
    ]
    answers += [
        {
            b"id": ID,
            b"k": item.public_key,
            b"seq": item.seq,
            b"sig": item.signature,
            b"token": b"t",
            b"v": bencode.decode(item.encoded),
        }
        for item in ITEMS
    ]
    answers += [dict(one) for answer in answers for one in _with_other_types(answer)]
    arguments += [(name, one) for name, more in arguments for one in _with_other_types(more)]
    replies = [krpc.response(b"TTTT", one, CONTACT) for one in answers]
    replies.append(krpc.error(b"TTTT", 203, b"bad token", CONTACT))
    queries = [
        krpc.query(b"aa", name, {b"id": ID, **more}, read_only=number % 2 == 1)
        for number, (name, more) in enumerate(arguments)
    ]
    both = [bytes([number % 4]) + one for number, one in enumerate([*queries, *replies])]
    both += [bytes([back]) + one for one in replies for back in (0, 4, 8)]
    talks = [NEXT.join([b"\x00" + one, b"\x01" + two]) for one in replies[:6] for two in queries[:4]]
    return [*both, *talks, NEXT.join([b"\x00" + one for one in replies[:7]])]


def _with_other_types(values: dict[bytes, Any]) -> Iterator[dict[bytes, Any]]:
    """The same with one value each time of a type that it must not have: mutations seldom get there."""
    for key in values:
        for other in (-1, b"", b"x" * 26, [], [7, [b"x" * 6]], {b"x": 0}):
            yield {**values, key: other}


def one_input(data: bytes) -> None:
    _read(data[1:])
    # The same from run to run, transactions and tokens too.
    node = Node(now=1000.0, settings=SETTINGS, families=(4, 6), rng=random.Random(1))
    found: list[Address] = []
    node.bootstrap(IDS, lambda _: None, now=1000.0)
    for contact, transactions in _sent(node).items():
        answer = krpc.response(transactions[-1], {b"id": IDS[contact]}, STRANGER)
        assert node.receive(answer, contact, 1000.0)
    asked = _sent(node)
    tokens = {sender: _token(node, sender) for sender in SENDERS}
    node.find_peers(KEY, found.extend, lambda: None, now=1000.0)
    node.requested.handler = lambda address, payload: payload
    for contact in IDS:
        node.request(contact, b"x" * 300, lambda _: None, timeout=2.0, now=1000.0)
    node.announce(KEY, 6881, lambda _: None, now=1000.0)
    resolving = node.items.resolve(ALICE.public_key, b"", lambda _: None, now=1000.0)
    getting = node.items.get(KEY, lambda _: None, now=1000.0)
    node.items.publish(ITEMS[0], lambda _: None, now=1000.0, cas=2)
    scrapes = node.size(KEY, lambda: None, now=1000.0)
    samples: list[Sample] = []
    node.sample(samples.append, lambda _: None, now=1000.0)
    now = 1000.0
    for datagram in data.split(NEXT)[:8]:
        asked |= _sent(node)
        if not datagram:
            continue
        sender = SENDERS[datagram[0] % 4]
        now += 0.05
        own = b"4:" + ([b"none"] * 4 + asked.get(sender, []))[-1 - (datagram[0] >> 2) % 4]
        own_token = b"%d:%b" % (len(tokens[sender]), tokens[sender])
        node.receive(datagram[1:].replace(TRANSACTION, own).replace(TOKEN, own_token), sender, now)
        node.poll(now)
    asked |= _sent(node)
    for _ in range(8):  # time-outs, retries and upkeep, with what has been learnt
        now = max(now + 0.5, node.deadline())
        node.poll(now)
        asked |= _sent(node)
    assert all(is_usable(one) and known_host(one) for one in found)
    assert all(0 <= number < 100_000 for number in scrapes.sizes())
    assert all(len(key) == 20 for sample in samples for key in sample.keys)
    assert all(len(one.keys) <= one.stored and 0 <= one.interval <= 21_600 for one in samples)
    assert len(asked) < 5000
    assert isinstance(resolving.found, MutableFound)
    assert resolving.found.newest is None or resolving.found.newest.is_genuine()
    assert isinstance(getting.found, ImmutableFound)
    assert getting.found.encoded is None, "nothing has this hash"
    assert node.items.stored.size < 100_000


def _token(node: Node, sender: Address) -> bytes:
    """What a node gives to `sender` to announce and put with."""
    query = krpc.query(b"tk", b"get", {b"id": ID, b"target": KEY})
    node.receive(query, sender, 1000.0)
    tokens = [
        message.values[b"token"]
        for datagram, address in node.outgoing()
        if isinstance(message := krpc.parse(datagram, address), krpc.Response) and address == sender
    ]
    return bytes(tokens[0])


def _read(datagram: bytes) -> None:
    try:
        value = bencode.decode(datagram)
    except bencode.BencodeError:
        pass
    else:
        again = bencode.encode(value)
        assert bencode.decode(again) == value, "what is written is not what was read"
    try:
        message = krpc.parse(datagram, STRANGER)
    except krpc.Malformed as malformed:
        assert malformed.answer is None or len(malformed.answer) < 300
        return
    if isinstance(message, krpc.Response):
        for family in (4, 6):
            pairs = list(unpack_nodes(message.values.get(krpc.NODES_KEY[family]), family, 50))
            assert all(len(one) == 20 for one, _ in pairs)
        assert all(map(is_usable, unpack_peers(message.values.get(b"values"), 100)))


def _sent(node: Node) -> dict[Address, list[bytes]]:
    """The transactions by address, of what the node sends now, all of which must be well-formed."""
    found: dict[Address, list[bytes]] = {}
    for datagram, address in node.outgoing():
        assert is_usable(address), f"sent to {address!r}"
        assert len(datagram) <= 1500, f"{len(datagram)} bytes sent"
        message = krpc.parse(datagram, address)
        if isinstance(message, krpc.Query):
            assert len(message.transaction) == 4
            found.setdefault(address, []).append(message.transaction)
    return found
