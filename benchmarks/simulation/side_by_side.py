"""Several networks at a time, one on each core: they have nothing to do with each other."""

from __future__ import annotations

import gc
import os
from concurrent.futures import ProcessPoolExecutor


def side_by_side() -> ProcessPoolExecutor:
    """Where networks can be simulated in processes of their own, one for each core."""
    return ProcessPoolExecutor(os.cpu_count(), initializer=collect_rarely)


def collect_rarely() -> None:
    """Without this a quarter of the time goes into collections that find nothing: nodes' tables are large.

    What has ended is freed without them, and what `worlds.network` made last by the next call.
    """
    gc.set_threshold(1_000_000, 20, 100)


def cpu_seconds() -> float:
    """What this process and its children that have ended have taken (on Windows without these)."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
