"""Never more than 40 messages to one address in any 10 seconds, whatever is asked of us and by us."""

from __future__ import annotations

import itertools
import random

from bitboot_btdht.asking.window import PROBATION, SPAN, Kind, Window
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
from bitboot_btdht.wire import bencode
from bitboot_btdht.wire.compact import Address
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

LIMIT = Settings().messages_per_10s_per_node or 0
ADDRESSES = [public_address(1), public_address(2)]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "asked", "wait"]),
        st.integers(1, 60),
        st.sampled_from(ADDRESSES),
        st.sampled_from([0.0, 0.01, 0.5, 2.0, 9.99, 10.0, 10.5]),
    ),
    max_size=40,
)


def crowded(sent: list[tuple[float, Address]], address: Address) -> list[tuple[float, float]]:
    """The spans of 10 seconds or less in which `address` was sent more than LIMIT datagrams."""
    times = [when for when, target in sent if target == address]
    return [(first, last) for first, last in zip(times, times[LIMIT:], strict=False) if last - first <= 10.0]


@hypothesis_settings(max_examples=60)
@given(steps=STEPS)
def test_no_ten_seconds_have_more_messages_and_every_query_is_sent(
    steps: list[tuple[str, int, Address, float]],
) -> None:
    node = Node(now=0.0, rng=random.Random(1))
    now, asked = 0.0, 0
    sent: list[tuple[float, Address]] = []
    queries: set[bytes] = set()

    def collect() -> None:
        for datagram, address in node.outgoing():
            sent.append((now, address))
            if b"1:q9:find_node" in datagram:
                queries.add(bencode.decode(datagram)[b"t"])

    def live_until(end: float) -> None:
        nonlocal now
        while (due := max(now, node.deadline())) <= end:
            now = due
            node.poll(now)
            collect()
        now = end

    for kind, count, address, pause in steps:
        for number in range(count):
            if kind == "ask":
                asked += node.query(
                    address, b"find_node", {b"target": b"t" * 20}, lambda outcome: None, now=now
                )
            elif kind == "asked":
                query = {b"t": b"%d" % number, b"y": b"q", b"q": b"ping", b"a": {b"id": b"s" * 20}}
                node.receive(bencode.encode(query), address, now)
            collect()
        live_until(now + pause)
    live_until(now + asked * SPAN)
    assert [span for address in ADDRESSES for span in crowded(sent, address)] == []
    assert len(queries) == asked


def test_neither_queries_nor_answers_take_all() -> None:
    window = Window(40)
    for address, first, second in (
        (ADDRESSES[0], (Kind.QUERY, 18), (Kind.ANSWER, 22)),
        (ADDRESSES[1], (Kind.ANSWER, 32), (Kind.QUERY, 8)),
    ):
        for kind, allowed in (first, second):
            assert [window.take(address, kind, 0.0) for _ in range(40)].count(True) == allowed


def test_who_does_not_ask_us_may_be_asked_more_after_a_moment() -> None:
    window = Window(40)
    quiet, asking = ADDRESSES
    for address in ADDRESSES:
        assert [window.take(address, Kind.QUERY, 0.0) for _ in range(40)].count(True) == 18
    assert window.free_at(quiet, Kind.QUERY, 1.0) == PROBATION
    assert [window.take(asking, Kind.ANSWER, 1.0) for _ in range(18)] == [True] * 18
    assert [window.take(quiet, Kind.QUERY, 3.0) for _ in range(40)].count(True) == 14
    assert window.free_at(asking, Kind.QUERY, 3.0) == SPAN


def test_it_says_when_the_next_message_may_be_sent() -> None:
    window = Window(5)
    address = ADDRESSES[0]
    for second in range(2):
        assert window.take(address, Kind.QUERY, float(second))
    assert window.free_at(address, Kind.QUERY, 1.0) == PROBATION, "two of five are always queries"
    for second in range(2, 5):
        assert window.take(address, Kind.ANSWER, float(second))
    assert window.free_at(address, Kind.QUERY, 5.0) == SPAN
    assert window.free_at(address, Kind.ANSWER, 5.0) == SPAN, "five in all"
    assert window.take(address, Kind.QUERY, SPAN)
    assert not window.take(address, Kind.ANSWER, SPAN)


def test_what_it_remembers_is_bounded_and_nobody_is_forgotten_too_soon() -> None:
    """When its memory is full of recent messages, others wait, rather than that somebody gets too many."""
    window = Window(40, max_addresses=100)
    taken = [window.take(public_address(number), Kind.ANSWER, number / 100) for number in range(200)]
    assert taken == [True] * 100 + [False] * 100
    assert len(window) == 100
    assert window.free_at(public_address(500), Kind.QUERY, 2.0) == SPAN
    assert window.take(public_address(500), Kind.QUERY, SPAN)


def test_times_that_look_alike_do_not_make_it_poll_for_ever() -> None:
    """Sums of floats are not exact: what is free at a time must be free when that time has come."""
    window = Window(1)
    for start in itertools.accumulate([0.1] * 1000):
        address = public_address(int(start * 1000))
        assert window.take(address, Kind.QUERY, start)
        free_at = window.free_at(address, Kind.QUERY, start)
        assert window.take(address, Kind.QUERY, free_at)
