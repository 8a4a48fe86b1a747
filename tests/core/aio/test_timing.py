"""The arithmetic of renewal and backoff."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bitboot_core.aio.timing import (
    bootstrap_after,
    growth_counts_after,
    has_grown,
    renew_after,
    retry_after,
    scan_after,
    scattered,
)

lifetimes = st.floats(min_value=10, max_value=1e7)
chances = st.integers(0, 2**32).map(Random)


@given(lifetimes, chances)
def test_renewal_falls_between_075_and_09_of_the_lifetime(lifetime: float, random: Random) -> None:
    assert 0.75 * lifetime <= renew_after(lifetime, random) <= 0.9 * lifetime


def test_renewals_spread_over_the_whole_range() -> None:
    random = Random(0)
    waits = [renew_after(1000, random) for _ in range(1000)]
    assert min(waits) < 760
    assert max(waits) > 890
    assert abs(sum(waits) / len(waits) - 825) < 10


@given(st.integers(1, 10**9), lifetimes, chances)
def test_a_retry_waits_from_1_s_up_to_5_min_or_half_the_lifetime(
    failures: int, lifetime: float, random: Random
) -> None:
    assert 1.0 <= retry_after(failures, lifetime, random) <= min(300.0, lifetime / 2)


def test_the_ceiling_doubles_with_each_failure() -> None:
    random = Random(0)
    for failures in range(1, 9):
        waits = [retry_after(failures, 1800, random) for _ in range(300)]
        assert 0.9 * 2**failures < max(waits) <= 2**failures


def test_many_failures_reach_the_ceiling_of_5_minutes_with_full_jitter() -> None:
    random = Random(0)
    waits = [retry_after(40, 1800, random) for _ in range(1000)]
    assert min(waits) < 10
    assert max(waits) > 290


@given(st.integers(1, 60), st.floats(min_value=1, max_value=1800), chances)
def test_a_record_that_is_still_there_is_tried_again_several_times_before_it_lapses(
    failures: int, left: float, random: Random
) -> None:
    assert retry_after(failures, 1800, random, left=left) <= max(1.0, left / 3)


def test_scans_slow_down_while_nothing_happens_and_start_anew_at_a_change() -> None:
    pauses = [scan_after(0, changed=True, doubtful=False)]
    for _ in range(20):
        pauses.append(scan_after(pauses[-1], changed=False, doubtful=False))
    assert pauses[0] == 5.0
    assert pauses == sorted(pauses)
    assert pauses[-1] == 300.0
    assert scan_after(300.0, changed=False, doubtful=True) == 40.0
    assert scan_after(300.0, changed=True, doubtful=True) == 5.0


@given(st.floats(min_value=0, max_value=1e6), chances)
def test_scattered_is_a_fifth_more_or_less(seconds: float, random: Random) -> None:
    assert 0.79 * seconds <= scattered(seconds, random) <= 1.21 * seconds


@given(st.integers(1, 100), st.floats(min_value=0, max_value=2), chances)
def test_no_lifetime_however_short_makes_anybody_spin(failures: int, lifetime: float, random: Random) -> None:
    assert renew_after(lifetime, random) >= 0.1
    assert retry_after(failures, lifetime, random) >= 0.1


@given(st.integers(1, 1000), chances)
def test_bootstrap_is_tried_again_within_a_minute(failures: int, random: Random) -> None:
    assert 1.0 <= bootstrap_after(failures, random) <= min(60.0, 2.0**failures)


def test_a_network_has_grown_where_a_quarter_more_of_it_is_known() -> None:
    assert not has_grown(5, 4)
    assert has_grown(6, 4)
    assert has_grown(1, 0)
    assert not has_grown(0, 0)
    assert not has_grown(3, 4)


def test_growth_counts_at_once_while_few_nodes_are_known_and_then_once_a_minute() -> None:
    assert growth_counts_after(0) == growth_counts_after(31) == 0.0
    assert growth_counts_after(32) == growth_counts_after(1000) == 60.0
