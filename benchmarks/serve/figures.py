"""How figures are taken and printed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import psutil


def said(what: str, figure: str, held: bool = True) -> bool:
    """Print one figure; whether it is as required."""
    print(f"{what:58} {figure:32} {'' if held else 'MISSED'}", flush=True)
    return held


def mib(process: psutil.Process) -> float:
    """Its resident memory."""
    return process.memory_info().rss / 2**20


def spread(seconds: Sequence[float]) -> str:
    """Median and quartiles in milliseconds."""
    low, middle, high = (1e3 * one for one in statistics.quantiles(seconds, n=4))
    return f"{middle:.2f} ms ({low:.2f} to {high:.2f})"
