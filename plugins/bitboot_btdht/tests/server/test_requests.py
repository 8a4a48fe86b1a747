"""Requests of other nodes: who is answered, how often; nobody else can tell that there is a handler."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from bitboot_btdht.asking.requests import MAX_PAYLOAD
from bitboot_btdht.node import Node
from bitboot_btdht.server.requests import MAX_ASKED, Handler
from bitboot_btdht.settings import Settings
from bitboot_btdht.wire import bencode, compact
from bitboot_btdht.wire.compact import Address

STRANGER = compact.pack("20.0.0.1", 6881)


def asks(payload: object = b"x", method: bytes = b"bitboot", **more: Any) -> bytes:
    arguments = {
        b"id": b"s" * 20,
        b"payload": payload,
        **{name.encode(): value for name, value in more.items()},
    }
    return bencode.encode({b"a": arguments, b"q": method, b"t": b"aa", b"v": b"XX\0\1", b"y": b"q"})


def echo(address: Address, payload: bytes) -> bytes | None:
    return payload


def new_node(*, read_only: bool = False, handler: Handler | None = None, **changed: Any) -> Node:
    settings = Settings(first_looks=0, **changed)
    node = Node(now=0.0, rng=random.Random(1), node_id=b"n" * 20, settings=settings, read_only=read_only)
    node.requested.handler = handler
    return node


def replies(node: Node, query: bytes, address: Address = STRANGER, now: float = 0.0) -> list[bytes]:
    """What goes back to that address, and what else leaves."""
    node.receive(query, address, now)
    return [datagram for datagram, _ in node.outgoing()]


HANDLERS: dict[str, Handler | None] = {
    "no handler": None,
    "None": lambda address, payload: None,
}

PROBES: dict[str, bytes] = {
    "a request": asks(),
    "of no bytes": asks(b""),
    "of 1,000 bytes": asks(bytes(MAX_PAYLOAD)),
    "too long": asks(bytes(MAX_PAYLOAD + 1)),
    "a number": asks(17),
    "a list": asks([b"x"]),
    "with a target": asks(target=b"t" * 20),
    "with an info-hash": asks(info_hash=b"h" * 20),
    "read-only": asks()[:-1] + b"2:roi1ee",
    "another method": asks(method=b"bitbooT"),
    "without an id": bencode.encode({b"a": {b"payload": b"x"}, b"q": b"bitboot", b"t": b"aa", b"y": b"q"}),
}


@pytest.mark.parametrize("read_only", [False, True], ids=["serving", "read-only"])
@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_a_stranger_cannot_tell_a_member_from_a_stranger(probe: bytes, read_only: bool) -> None:
    """Whatever is sent, however often: the same bytes at the same times as of a node without a handler."""
    traces = []
    for handler in HANDLERS.values():
        node = new_node(read_only=read_only, handler=handler)
        trace = []
        for number in range(60):
            now = number / 8
            node.poll(now)
            trace += [(now, sent) for sent in replies(node, probe, compact.pack("20.0.0.1", 6881), now)]
        traces.append(trace)
    assert traces[0] == traces[1]
    assert bool(traces[0]) is not read_only or not traces[0]


@pytest.mark.parametrize("probe", ["too long", "a number", "a list", "another method"])
def test_what_is_no_request_is_never_shown_to_a_handler(probe: str) -> None:
    shown: list[bytes] = []

    def show(address: Address, payload: bytes) -> bytes:
        shown.append(payload)
        return payload

    member = new_node(handler=show)
    assert replies(member, PROBES[probe]) == replies(new_node(), PROBES[probe])
    assert shown == []


@pytest.mark.parametrize("read_only", [False, True], ids=["serving", "read-only"])
def test_a_request_is_answered_by_read_only_nodes_too(read_only: bool) -> None:
    node = new_node(read_only=read_only, handler=echo)
    (answer, *others) = replies(node, asks(b"hello"))
    assert bencode.decode(answer) == {
        b"r": {b"id": b"n" * 20, b"payload": b"hello"},
        b"t": b"aa",
        b"v": b"BB\0\1",
        b"y": b"r",
    }
    assert bool(others) is not read_only  # one that serves pings who asked it, and takes it into its table


def test_behind_a_nat_a_node_answers_requests_and_nothing_else() -> None:
    class Machine:
        def outward(self, family: int) -> bytes | None:
            return b"\xc0\xa8\1\5"

        def has(self, ip: bytes) -> bool:
            return ip == b"\xc0\xa8\1\5"

    node = Node(now=0.0, rng=random.Random(1), settings=Settings(first_looks=0), machine=Machine())
    node.requested.handler = echo
    for number in range(Settings().k):  # one that knows hardly anybody answers all
        assert (
            node.tables[4].answered(bytes([number]) * 20, compact.pack(f"3{number}.0.0.1", 1), 0.0, 0.1)
            is None
        )
    assert replies(node, asks(method=b"ping")) == []
    assert len(replies(node, asks(b"hello"))) == 1


@pytest.mark.parametrize("transaction", [b"a", b"a" * 64])
def test_no_answer_is_longer_than_its_query(transaction: bytes) -> None:
    """However the query is framed: one that is too short for its answer gets none."""
    node = new_node(handler=echo)
    short = b"d1:ad2:id20:" + b"s" * 20 + b"7:payload5:hello" + b"e1:q7:bitboot1:t"
    query = short + b"%d:%b1:y1:qe" % (len(transaction), transaction)
    assert all(len(reply) <= len(query) for reply in replies(node, query))


@pytest.mark.parametrize(
    ("setting", "addresses"),
    [
        ("requests_per_second_per_ip", lambda number: compact.pack("20.0.0.1", 1024 + number)),
        ("requests_per_second_per_subnet", lambda number: compact.pack(f"20.0.0.{number % 250}", 6881)),
        ("requests_per_second", lambda number: compact.pack(f"20.{number // 250}.{number % 250}.1", 6881)),
    ],
    ids=["an address", "a /24", "all together"],
)
def test_the_handler_is_asked_so_often(setting: str, addresses: Callable[[int], Address]) -> None:
    """And what is too much is answered as by a node without a handler."""
    shown = 0

    def count(address: Address, payload: bytes) -> bytes | None:
        nonlocal shown
        shown += 1
        return None

    limits: dict[str, Any] = dict.fromkeys(
        ("requests_per_second_per_ip", "requests_per_second_per_subnet", "requests_per_second")
    )
    member, stranger = new_node(handler=count, **(limits | {setting: 10.0})), new_node()
    for number in range(2_000):
        now = number / 1_000
        assert replies(member, asks(), addresses(number), now) == replies(
            stranger, asks(), addresses(number), now
        )
    assert 20 <= shown <= 60


def test_a_flood_of_strangers_does_not_cost_us_whom_we_have_asked() -> None:
    node = new_node(handler=echo, requests_per_second=10.0)
    member = compact.pack("30.0.0.1", 6881)
    node.request(member, b"x", lambda _: None, timeout=1.0, now=0.0)
    node.outgoing()
    for number in range(1_000):
        replies(node, asks(), compact.pack(f"20.{number // 250}.{number % 250}.1", 6881))
    answers = [bencode.decode(reply) for reply in replies(node, asks(b"member"), member)]
    assert b"member" in [answer.get(b"r", {}).get(b"payload") for answer in answers]


def test_who_was_asked_is_remembered_within_bounds() -> None:
    node = new_node()
    for number in range(MAX_ASKED + 100):
        node.requested.asked(compact.pack(f"20.{number // 65_536}.{number // 256 % 256}.{number % 256}", 1))
    assert len(node.requested._asked) == MAX_ASKED
