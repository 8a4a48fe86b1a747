"""Churn: nodes that come and go, with session lengths as they have been measured.

Sessions in peer-to-peer networks are not exponential: many are short, a few last for days, so that
whoever has been there for long will probably stay (Stutzbach, Rejaie: Understanding Churn in
Peer-to-Peer Networks, IMC 2006). Session times in the DHT KAD were found Weibull distributed (Steiner,
En-Najjary, Biersack: Long Term Study of Peer Behavior in the KAD DHT, IEEE/ACM Transactions on
Networking 17(5), 2009), as are those in BitTorrent swarms; for most of its traces a report of
Delft's technical university fits Weibull shapes of 0.55 to 0.69. On mainline itself half the
sessions were shorter than 200 minutes (Wang, Kangasharju: Measuring Large-Scale Distributed Systems,
IEEE P2P 2013), which is much calmer than what is simulated here unless told otherwise.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..node import Node
from .simulation import Simulation

SHAPE = 0.6
"""Of the Weibull distribution: in the middle of the published fits."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """How long nodes stay: Weibull distributed with this mean, in seconds.

    With shape 0.6 and a mean of 2 hours so many leave in an hour as half the network counts; 57 %
    of the sessions are shorter than an hour, half of them shorter than 43 minutes.
    """

    mean: float
    shape: float = SHAPE

    @classmethod
    def for_churn(cls, share_per_hour: float) -> Sessions:
        """So many leave in an hour, as a share of those who are there at any time."""
        return cls(3600.0 / share_per_hour)

    @classmethod
    def of_median(cls, median: float, shape: float = SHAPE) -> Sessions:
        """Half of the sessions are shorter than this, in seconds."""
        return cls(median / math.log(2) ** (1 / shape) * math.gamma(1 + 1 / shape), shape)

    @property
    def scale(self) -> float:
        """The distribution's other parameter, in seconds."""
        return self.mean / math.gamma(1 + 1 / self.shape)

    def draw(self, rng: random.Random) -> float:
        """The length of a session that begins."""
        return rng.weibullvariate(self.scale, self.shape)

    def draw_rest(self, rng: random.Random) -> float:
        """What is left of the session of a node that is met at a random moment.

        Such a node has probably a long session: lengths count by themselves. Where X is Weibull,
        (X / scale) ** shape is gamma distributed under that weight.
        """
        whole = self.scale * math.pow(rng.gammavariate(1 + 1 / self.shape, 1.0), 1 / self.shape)
        return whole * rng.random()


class Churn:
    """Lets nodes leave at the end of their sessions, and others come in their stead.

    The network keeps its size, and the churn is even from the beginning: those who are there then
    have the rest of a session before them. `leave(node)` must remove it; `come()` must add a node.
    """

    def __init__(
        self,
        simulation: Simulation,
        sessions: Sessions,
        *,
        come: Callable[[], Node],
        leave: Callable[[Node], None],
    ) -> None:
        self.left: int = 0
        """How many have gone."""
        self._simulation = simulation
        self._sessions = sessions
        self._come, self._leave = come, leave
        self._ended = False

    def begin(self, nodes: Iterable[Node]) -> None:
        """From now on these nodes come and go."""
        for node in nodes:
            self._end_later(node, self._sessions.draw_rest(self._simulation.rng))

    def end(self) -> None:
        """From now on everybody stays."""
        self._ended = True

    def _end_later(self, node: Node, seconds: float) -> None:
        self._simulation.after(seconds, lambda: self._replace(node))

    def _replace(self, node: Node) -> None:
        if self._ended:
            return
        self.left += 1
        self._leave(node)
        self._end_later(self._come(), self._sessions.draw(self._simulation.rng))
