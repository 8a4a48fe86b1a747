"""What a benchmark reports: a figure, what it is compared with, and whether the goal is reached."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of docs/performance.md.

    `ours` and `theirs`: the figures as text, median first, then the spread. `ratio`: ours to
    theirs, or ours to the limit where `peer` is "limit". `goal`: what the ratio may be at most, or, where
    `at_least`, at least. `measured`: when, and on what.
    """

    number: str
    title: str
    peer: str
    ours: str
    theirs: str
    ratio: float
    goal: float
    command: str
    at_least: bool = False
    measured: str = ""

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal


def p95(values: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[18] if len(values) > 1 else values[0]


def shown(values: Sequence[float], unit: str, scale: float = 1.0) -> str:
    """Median, and the middle half of the values as the spread."""
    scaled = [value * scale for value in values]
    if len(scaled) < 4:
        return f"{statistics.median(scaled):.3g} {unit}"
    low, _, high = statistics.quantiles(scaled, n=4)
    return f"{statistics.median(scaled):.3g} {unit} ({low:.3g} to {high:.3g})"
