"""Which counters of a session were seen: a replay never counts, and what comes late and once does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bitboot_core._swarms.private.session import WINDOW, Window


@given(st.lists(st.one_of(st.integers(0, 8), st.integers(0, 3 * WINDOW)), max_size=60))
def test_each_counter_counts_once_and_old_ones_never(counters: list[int]) -> None:
    window = Window()
    seen: set[int] = set()
    for counter in counters:
        is_old = bool(seen) and max(seen) - counter >= WINDOW
        assert window.has(counter) == (is_old or counter in seen)
        if not window.has(counter):
            assert window.add(counter) == all(counter > other for other in seen)
            seen.add(counter)
