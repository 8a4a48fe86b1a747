"""An attacker who besieges a key for hours, while honest nodes come and go."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bitboot_btdht.node import Node
from bitboot_btdht.simulation import Crowd, Simulation
from bitboot_btdht.wire.compact import Address

from .churn import Town
from .worlds import Traffic, key, look, others

CHURN = 0.5
"""Of the honest nodes, those that leave in an hour."""

SWARMS = 8

GREET_EVERY = 900.0
"""How often each of the attacker's nodes greets every honest one, newcomers too."""

Members = Callable[[Simulation, bytes, random.Random], Iterator[tuple[bytes, Address]]]


@dataclass(frozen=True, slots=True)
class Siege:
    """How it went: the share of the peers that each lookup found, and its datagrams in the mean, both ways;
    their queries that went to the attacker, and its nodes' share in the honest nodes' tables.
    """

    shares: list[float]
    looked: float
    asked: int
    tables: float


def besiege(members: Members, *, size: int, share: float, hours: float, lookups: int, seed: int) -> Siege:
    """Let the attacker's nodes, which stay, surround the key of one swarm of several; then look it up."""
    town = Town(size, SWARMS, seed)
    simulation, target = town.simulation, key(0)
    simulation.advance(300)
    chosen = members(simulation, target, random.Random(seed))
    crowd = Crowd((next(chosen) for _ in range(round(share * size))), target)
    for member in crowd.members:
        simulation.put(member.address, member)
    churn = town.live(CHURN)
    for _ in range(round(hours * 3600 / GREET_EVERY)):
        homes = [simulation.address_of(node) for node in town.programs]
        for member in crowd.members:
            member.greet(homes)
            simulation.flush(member)
            simulation.advance(0.2)
        simulation.advance(GREET_EVERY - 0.2 * len(crowd.members))
    churn.end()  # who leaves while it looks cannot find
    tables = _share_of_tables(town.programs, {member.address for member in crowd.members})
    before = crowd.asked
    expected = {program.endpoint for program in town.members(target)}
    finders = others(simulation, town.programs, lookups)
    with Traffic(simulation, finders) as traffic:
        shares = look(simulation, finders, target, expected)
    return Siege(shares, traffic.each, crowd.asked - before, tables)


def _share_of_tables(nodes: Iterable[Node], hostile: set[Address]) -> float:
    contacts = [contact.address for node in nodes for contact in node.tables[4]]
    return sum(address in hostile for address in contacts) / len(contacts)
