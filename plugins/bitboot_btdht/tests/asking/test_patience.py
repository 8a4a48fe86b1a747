"""When a query is overdue: what half of the answers take."""

import random
import statistics

import pytest
from bitboot_btdht.asking.patience import FIRST_MARK, Patience


def test_the_mark_follows_the_median_of_the_round_trips() -> None:
    patience, rng = Patience((0.05, 1.0)), random.Random(1)
    assert patience.mark == FIRST_MARK
    for median in 0.15, 0.6:
        marks = []
        for _ in range(400):
            patience.add(rng.lognormvariate(0, 0.9) * median)
            marks.append(patience.mark)
        assert statistics.fmean(marks[100:]) == pytest.approx(median, rel=0.15)


def test_one_answer_that_took_very_long_moves_it_little() -> None:
    patience = Patience((0.05, 1.0))
    patience.add(30.0)
    assert patience.mark < 1.1 * FIRST_MARK


@pytest.mark.parametrize(("round_trip", "mark"), [(0.001, 0.05), (9.0, 1.0)])
def test_it_has_bounds(round_trip: float, mark: float) -> None:
    patience = Patience((0.05, 1.0))
    for _ in range(100):
        patience.add(round_trip)
    assert patience.mark == mark
