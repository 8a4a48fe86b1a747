"""When a router's clock says that it has restarted (RFC 6887, section 8.5)."""

from __future__ import annotations

import pytest
from bitboot_nat.wire.epoch import Epoch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("then", "now", "passed", "restarts"),
    [
        (1000, 1100, 100, 0),
        (1000, 1000, 0, 0),
        (1000, 999, 0, 0),  # datagrams that overtook each other
        (1000, 998, 0, 1),
        (1000, 0, 10, 1),
        (1000, 1002, 0, 0),
        (1000, 1094, 100, 0),  # it runs slow
        (1000, 1080, 100, 1),
        (1000, 1106, 100, 0),  # or fast
        (1000, 1120, 100, 1),
        (1000, 1500, 3600, 1),  # it restarted meanwhile, and counts more by now
    ],
)
def test_what_tells(then: int, now: int, passed: float, restarts: int) -> None:
    epoch = Epoch()
    epoch.heard(then, 50.0)
    epoch.heard(now, 50.0 + passed)
    assert epoch.restarts == restarts


def test_one_restart_counts_once() -> None:
    epoch = Epoch()
    for seconds, now in ((1000, 0.0), (0, 10.0), (10, 20.0), (20, 30.0)):
        epoch.heard(seconds, now)
    assert epoch.restarts == 1


@given(st.lists(st.tuples(st.integers(1, 10_000), st.floats(0.95, 1.05)), max_size=30))
def test_a_clock_that_is_a_twentieth_off_is_no_restart(steps: list[tuple[int, float]]) -> None:
    epoch, ours, theirs = Epoch(), 0.0, 0.0
    for seconds, speed in steps:
        ours, theirs = ours + seconds, theirs + seconds * speed
        epoch.heard(int(theirs), ours)
    assert epoch.restarts == 0
