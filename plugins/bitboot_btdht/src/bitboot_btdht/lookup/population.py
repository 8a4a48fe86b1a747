"""How many nodes a network has, from how close to their targets lookups have found the closest.

In a network of N nodes the distance to the j-th closest is gamma distributed with shape j, about j / N of
the id space: (j - 1/3) / N in the median. So each lookup says how many nodes there may be, and the median of
many says it well: who crowds in about one key, or about some, changes it little.

The k closest are looked at, of which a lookup makes sure, and no more: nodes tell of their k closest only, so
that of the 20 closest some stay unknown (with 20 the estimate came out 9 to 18 % too low in networks of 300).

Of nodes whose ids do not fit their addresses (BEP 42) a lookup does not make sure, since anybody can claim
any id. They are counted by their share of all that answered.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from statistics import median_low

ENOUGH = 6
"""With fewer lookups there is no estimate. The median is between the least and the most that 6 say with 97 %
certainty."""

KEPT = 128
"""Lookups remembered, the latest. The standard deviation is 4 % then."""

_ID_SPACE = 1 << 160

_EITHER_SIDE = 0.98
"""This many times the root of their number to either side of the middle one are the lookups between which the
median lies with 95 % certainty, whatever the distribution (Conover, "Practical Nonparametric Statistics")."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """An estimate: about how many nodes, and between which numbers they are with 95 % certainty."""

    about: int
    low: int
    high: int


class Population:
    """What lookups in one IP family have found.

    Of each 256th of the id space the latest counts: whoever looks one key up again and again, or its own id,
    sees the same nodes.
    """

    def __init__(self) -> None:
        self._spacings: OrderedDict[int, float] = OrderedDict()

    def note(self, target: bytes, rank: int, distance: int, fitting: float) -> None:
        """A lookup of `target` has found the `rank`-th closest node at `distance`.

        `fitting`: the share of those that answered whose ids fit their addresses; the others have no rank.
        """
        region = target[0]
        self._spacings[region] = max(fitting * distance / (rank - 1 / 3), 1.0)
        self._spacings.move_to_end(region)
        if len(self._spacings) > KEPT:
            self._spacings.popitem(last=False)

    def estimate(self) -> Nodes | None:
        """How many nodes there are; None while too few lookups have told."""
        spacings = sorted(self._spacings.values())
        count = len(spacings)
        if count < ENOUGH:
            return None
        wide = _EITHER_SIDE * math.sqrt(count)
        least = spacings[min(math.ceil(count / 2 + wide), count) - 1]
        most = spacings[max(math.floor(count / 2 - wide), 0)]
        return Nodes(*(round(_ID_SPACE / spacing) for spacing in (median_low(spacings), least, most)))
