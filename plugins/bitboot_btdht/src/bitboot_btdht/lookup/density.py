"""How close together the nodes of a network usually are, and whether those about a key are too close.

Whoever wants to hide a key needs nodes closer to it than the honest ones, and so makes its region denser
than the rest. In a network of N nodes the distance to the k-th closest is gamma distributed about k / N of
the id space; the more nodes crowd in, the shorter it is. For IPFS the same is proposed, and to ask the whole
region then (Sridhar et al., "Content Censorship in the InterPlanetary File System", NDSS 2024). What is
usual is learnt from lookups of ids that nobody else could foresee: to change their median an attacker would
have to be everywhere.
"""

from __future__ import annotations

from statistics import median_low

from .population import Population

ENOUGH = 3
"""With fewer sixteenths known the median says little: nothing is too dense then."""

DENSE = 4, 3
"""A region is too dense where the k-th closest is nearer than usual by more than this. By chance that is so
at one key in four or five (k = 8), which costs datagrams and nothing else; where half of the k closest
have been crowded out it is so at nearly all."""

WIDE = 2
"""So many times k nodes are asked, and store an announcement, where it is too dense."""


class Density:
    """The distances from ids to the k-th closest node, as lookups in one IP family have found them."""

    def __init__(self) -> None:
        self._distances: dict[int, int] = {}
        self.population: Population = Population()
        """How many nodes there are, by what the same lookups and all others have found."""

    def note(self, target: bytes, distance: int) -> None:
        """A lookup of `target`, an id that nobody else chose, found the k-th closest node at `distance`.

        The latest in each sixteenth of the id space counts: many are near our own id, and see the same nodes.
        """
        self._distances[target[0] >> 4] = distance

    def is_too_dense(self, distance: int) -> bool:
        """Whether the k-th closest node is suspiciously close. False while too little is known."""
        if len(self._distances) < ENOUGH:
            return False
        usual = median_low(self._distances.values())
        return distance * DENSE[0] < usual * DENSE[1]
