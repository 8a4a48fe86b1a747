"""What an experiment reports: a table, a figure, and whether what must hold does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold. `required` and `measured` are text for people."""

    what: str
    required: str
    measured: str
    holds: bool


def at_least(what: str, share: float, required: float) -> Check:
    """The check that a share (0 to 1) is not below another."""
    return Check(what, f"at least {percent(required)}", percent(share), share >= required)


@dataclass(frozen=True, slots=True)
class Plot:
    """What to draw: lines of (x, y) by name."""

    x: str
    y: str
    lines: dict[str, list[tuple[float, float]]]
    logarithmic_x: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """One experiment's outcome. `setup`: what was simulated, in a sentence or two."""

    name: str
    title: str
    setup: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    plot: Plot
    checks: Sequence[Check] = field(default_factory=list)
    cpu_seconds: float = 0.0


def percent(share: float) -> str:
    """A share as text. 100 % is said only of what is whole, and 0 % of what is nothing."""
    text = f"{100 * share:.2f}".rstrip("0").rstrip(".")
    if share < 1 and text == "100":
        text = "99.99"
    if share > 0 and text == "0":
        text = "0.01"
    return f"{text} %"
