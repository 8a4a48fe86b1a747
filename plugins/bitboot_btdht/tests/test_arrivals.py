"""Datagrams arrive in the order of their times, whatever comes in between."""

from __future__ import annotations

import heapq
import math
import random

from bitboot_btdht.simulation.arrivals import SLICE, Arrivals
from bitboot_btdht.simulation.network import LONGEST_DELAY, lognormal
from hypothesis import given
from hypothesis import strategies as st

DELAYS = st.one_of(st.just(0.0), st.floats(0, SLICE), st.floats(0, 100 * SLICE), st.just(SLICE))


@given(st.lists(st.one_of(DELAYS, st.none()), max_size=200))
def test_as_from_a_heap(steps: list[float | None]) -> None:
    """`steps`: the delay of one more datagram, or None where the next one arrives."""
    arrivals, now = Arrivals(), 0.0
    heap: list[tuple[float, int]] = []
    for number, delay in enumerate([*steps, *[None] * len(steps)]):
        assert arrivals.next() == (heap[0][0] if heap else math.inf)
        if delay is not None:
            heapq.heappush(heap, (now + delay, number))
            arrivals.add(now + delay, b"target", b"%d" % number, b"source")
        elif heap:
            now, sent = heapq.heappop(heap)
            when, _, target, datagram, source = arrivals.take()
            assert (when, datagram, target, source) == (now, b"%d" % sent, b"target", b"source")
    assert not heap


def test_delays_are_drawn_as_python_draws_them() -> None:
    ours, pythons = random.Random(1), random.Random(1)
    draw = lognormal(0.05, 0.5)
    for _ in range(1_000):
        expected = min(pythons.lognormvariate(math.log(0.05), 0.5), LONGEST_DELAY)
        assert draw(ours) == expected
