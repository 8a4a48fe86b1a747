"""How many peers several nodes tell of by Bloom filters (BEP 33), some of which may lie.

The BEP merges the filters: whatever one node says is believed, so that one with all bits set makes thousands
of peers. Here two things are computed that a few liars cannot push up, and the larger is taken:

- The bits that three in eight of the nodes agree on. Where an announcement is on most of the nodes next to a
  key, as it should be, that is the union.
- Where each node knows only a part, as of a crowd of which it stores 500, few agree on a peer. How much two
  nodes' parts overlap then tells how many there are in all (capture and recapture, by Chapman's formula), and
  the median of that over all pairs is what honest pairs say as long as they are the most. It is never more
  than all nodes together can store.

Of eight nodes two may lie, of four one, in any way; fewer are believed as they are, all of them together. Who
tells that nobody is there can hide no more than that many can make up.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import median_low

from ..wire.bloom import estimate

MOST = 6_000
"""No node is to let its filter come to more (BEP 33, "Changed announce accounting")."""

AGREE = 3, 8
"""This share of the nodes, and two at least, have to set a bit."""

PAIRS_FROM = 4
"""With fewer nodes a single liar is in half of the pairs."""


def is_plausible(filled: int) -> bool:
    """Whether a filter can be an honest node's."""
    return estimate(filled) <= MOST


def count(filters: Sequence[int]) -> float:
    """About how many addresses there are. Each node has told by a filter; 0 for one that knows of none."""
    union = estimate(agreed(filters))
    return union if len(filters) < PAIRS_FROM else max(union, _recaptured(filters))


def agreed(filters: Sequence[int]) -> int:
    """The bits that enough of the filters have to be believed."""
    needed = min(len(filters), max(2, -(-AGREE[0] * len(filters) // AGREE[1])))
    by_at_least = [-1] + [0] * needed
    for filled in filters:
        for number in range(needed, 0, -1):
            by_at_least[number] |= by_at_least[number - 1] & filled
    return by_at_least[needed] if filters else 0


def _recaptured(filters: Sequence[int]) -> float:
    """What the overlaps of two nodes' peers say."""
    sizes = [estimate(filled) for filled in filters]
    said = []
    for (first, one), (second, other) in combinations(zip(filters, sizes, strict=True), 2):
        both = max(0.0, one + other - estimate(first | second))
        said.append((one + 1) * (other + 1) / (both + 1) - 1)
    return min(median_low(said), len(filters) * median_low(sizes))
