"""Rates of replies: the same as the core's allowances say."""

from __future__ import annotations

from bitboot_btdht.server.rates import Rate, Total
from hypothesis import given
from hypothesis import strategies as st

from bitboot_core.aio.limits import Allowance

STEPS = st.lists(
    st.tuples(
        st.sampled_from([b"one", b"two", b"three", b"four"]),
        st.sampled_from([None, 0.5, 3.0, 20.0]),
        st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0, 30.0]),
    ),
    max_size=100,
)


@given(steps=STEPS)
def test_a_rate_gives_what_an_allowance_gives(steps: list[tuple[bytes, float | None, float]]) -> None:
    rate, allowance = Rate(2.0, 5.0, 4), Allowance(2.0, 5.0, 4)
    now = 0.0
    for key, amount, pause in steps:
        if amount is None:
            assert rate.take(key, now) is allowance.take(key, now)
        else:
            rate.spend(key, now, amount)
            allowance.spend(key, now, amount)
        now += pause
        assert rate.level(key, now) == allowance.level(key, now)
        assert len(rate) <= 4


@given(steps=st.lists(st.sampled_from([0.0, 0.1, 0.5, 3.0, 30.0, -1.0]), max_size=100))
def test_a_total_gives_what_an_allowance_gives(steps: list[float]) -> None:
    total, allowance = Total(2.0, 5.0), Allowance(2.0, 5.0, 1)
    now = 0.0
    for pause in steps:
        assert total.take(now) is allowance.take(b"", now)
        now += pause
        assert total.level(now) == allowance.level(b"", now)


def test_what_it_remembers_is_bounded_and_nobody_is_forgotten_too_soon() -> None:
    rate = Rate(0.001, 2.0, 100)
    for number in range(1_000):
        now = number / 50
        rate.spend(b"%d" % number, now, 5.0)
        assert all(rate.level(b"%d" % earlier, now) < 0 for earlier in range(max(0, number - 100), number))
        assert len(rate) <= 200


def test_of_a_crowd_that_is_gone_nothing_is_remembered_soon() -> None:
    rate = Rate(2.0, 8.0, 1000)
    for number in range(100):
        rate.take(b"%d" % number, 0.0)
    for number in range(100):
        rate.take(b"one at a time %d" % number, 10.0 + number)
    assert len(rate) <= 2


def test_where_nothing_comes_back_nothing_more_is_given() -> None:
    rate = Rate(0.0, 2.0, 10)
    assert [rate.take(b"one", float(second)) for second in range(4)] == [True, True, False, False]
    assert rate.take(b"two", 1000.0)
