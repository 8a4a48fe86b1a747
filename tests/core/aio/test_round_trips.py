"""How long to wait for an answer."""

import pytest

from bitboot_core.aio.round_trips import RoundTrips


@pytest.fixture
def trips() -> RoundTrips:
    return RoundTrips(guess=0.25, slow=(0.05, 1.0), timeout=(0.5, 4.0))


def test_before_anything_is_measured_a_guess_is_as_good_as_any(trips: RoundTrips) -> None:
    assert trips.mean == 0, "nothing has been measured"
    assert trips.slow == 0.75
    assert trips.timeout == 3.0


def test_patience_follows_what_is_measured(trips: RoundTrips) -> None:
    trips.add(0.1)
    assert trips.slow == pytest.approx(0.3)
    assert trips.timeout == pytest.approx(1.2)
    for _ in range(200):
        trips.add(0.3)
    assert trips.mean == pytest.approx(0.3)
    assert trips.slow == pytest.approx(0.3)


def test_what_varies_needs_more_patience(trips: RoundTrips) -> None:
    for _ in range(200):
        trips.add(0.1)
        trips.add(0.2)
    assert trips.mean == pytest.approx(0.15, abs=0.01)
    assert trips.slow > 0.3


def test_how_many_deviations_are_too_many_is_up_to_whoever_asks(trips: RoundTrips) -> None:
    trips.add(0.1)
    assert trips.above_mean(2) == pytest.approx(0.2)
    assert trips.above_mean(4) == trips.slow
    assert (trips.above_mean(-4), trips.above_mean(40)) == (0.05, 1.0)


def test_patience_has_bounds(trips: RoundTrips) -> None:
    for _ in range(200):
        trips.add(0.001)
    assert (trips.slow, trips.timeout) == (0.05, 0.5)
    for _ in range(200):
        trips.add(60.0)
    assert (trips.slow, trips.timeout) == (1.0, 4.0)


def test_a_busy_moment_is_soon_forgotten(trips: RoundTrips) -> None:
    for _ in range(20):
        trips.add(0.01)
    trips.add(1.0)
    assert trips.slow == 1.0
    for _ in range(20):
        trips.add(0.01)
    assert trips.slow < 0.1
