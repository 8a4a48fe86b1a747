"""Whole mainline networks in memory, with a time of their own: thousands of nodes, no sockets, no waiting.

The nodes are the same `Node` that runs on UDP, nothing in them is stubbed. Everything is drawn from
one seed, so a run can be repeated to the datagram.

    simulation = Simulation(seed=7, loss=0.1, latency=lognormal(0.05, 0.5))
    nodes = simulation.populate(1000)
    simulation.announce(nodes[1], info_hash)
    peers = simulation.find(nodes[3], info_hash)

Beside the `Simulation` there are programs that stay in a swarm as the core's do (`Program`), churn
(`Churn`, with the session lengths of `sessions`), nodes that mean no good (`hostile`), and whole networks
that are as the live one was measured to be (`LiveNetwork`).
"""

from __future__ import annotations

from .churn import Churn, Sessions
from .hostile import Crowd, Liar, Mute, Nobody
from .live import LiveNetwork
from .nat import Nat
from .network import Network, RoundTrips, lognormal, uniform
from .program import Program
from .simulation import Participant, Simulation, public_address
from .sloppy import Sloppy

__all__ = [
    "Churn",
    "Crowd",
    "Liar",
    "LiveNetwork",
    "Mute",
    "Nat",
    "Network",
    "Nobody",
    "Participant",
    "Program",
    "RoundTrips",
    "Sessions",
    "Simulation",
    "Sloppy",
    "lognormal",
    "public_address",
    "uniform",
]
