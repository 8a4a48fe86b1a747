"""Nodes beside a key that lie about others: honest ids at wrong addresses, nodes that are not there."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from bitboot_btdht.simulation import Liar, Nobody, Simulation, public_address
from bitboot_btdht.wire import compact
from bitboot_btdht.wire.compact import Address
from bitboot_btdht.wire.node_id import ID_BYTES, distance, id_for

from .result import Check, Plot, Result, at_least, percent
from .trips import Trip, travel
from .worlds import LATENCY_TEXT, announce, key, network, others

SEED = 13
TOLD = 16
"""How many nodes one reply of theirs names: as many as a lookup takes of it."""

INVENTED = 250
"""How many nodes that are not there they have to name."""

Pairs: TypeAlias = list[tuple[bytes, Address]]
"""Ids and addresses of nodes, real or not."""

Lie: TypeAlias = Callable[[random.Random, bytes, Pairs], Pairs]
"""What liars name, made from the key and the honest nodes, closest to the key first."""


@dataclass(frozen=True, slots=True)
class Size:
    """Honest nodes a network, networks, and how many look up and announce in each."""

    nodes: int
    networks: int
    finders: int
    peers: int


def run(*, quick: bool) -> Result:
    """Measure."""
    size = Size(60, 2, 10, 5) if quick else Size(300, 10, 30, 20)
    attacks: list[tuple[str, tuple[int, ...], Lie]] = [
        ("honest ids, wrong addresses", (1, 4, 12), _misplaced),
        ("inventions, ids that do not fit", (5, 10), _unfit),
        ("inventions, ids that fit", (5, 10), _fitting),
    ]
    rows, checks = [_row("nobody lies", 0, _trips(size, 0, _misplaced))], []
    lines: dict[str, list[tuple[float, float]]] = {}
    for what, counts, make in attacks:
        lines[what] = [(0.0, 100.0)]
        for count in counts:
            trips = _trips(size, count, make)
            rows.append(_row(what, count, trips))
            share = statistics.fmean(share for _, share in trips)
            lines[what].append((count, 100 * share))
            if count == counts[-1]:
                some = sum(bool(share) for _, share in trips) / len(trips)
                datagrams = statistics.fmean(trip.datagrams for trip, _ in trips)
                seconds = statistics.fmean(trip.seconds or 0.0 for trip, _ in trips)
                name = f"{count} liars, {what}"
                checks += [
                    at_least(f"lookups that found somebody, {name}", some, 1.0),
                    at_least(f"peers found, {name}", share, 0.99),
                ]
                if make is not _fitting:  # these cost more: docs/security.md says so
                    checks += [
                        Check(f"seconds a lookup, {name}", "at most 3", f"{seconds:.2f}", seconds <= 3),
                        Check(
                            f"datagrams a lookup, {name}", "at most 60", f"{datagrams:.1f}", datagrams <= 60
                        ),
                    ]
    return Result(
        name="liars",
        title="Liars beside a key",
        setup=f"{size.networks} networks of {size.nodes} honest nodes, seeds {SEED} to "
        f"{SEED + size.networks - 1}; {LATENCY_TEXT}. "
        "Each liar has a /24 of its own and an id that shares 40 bits with the key (and does not fit "
        "its address, BEP 42), greets every node to get into its table, takes every announcement, tells "
        f"of no peer, and names {TOLD} nodes in each reply: the ids of the honest nodes closest to the key "
        f"at addresses where nobody is, or some of {INVENTED} nodes that are not there, all closer to "
        "the key than any honest one, with ids that fit their addresses or do not. Then "
        f"{size.peers} peers announce and {size.finders} nodes look the key up.",
        columns=["lie", "liars", "peers found", "lookups that found nothing", "seconds", "datagrams"],
        rows=rows,
        plot=Plot("liars", "peers found, %", lines),
        checks=checks,
    )


def _row(what: str, count: int, trips: list[tuple[Trip, float]]) -> list[str]:
    return [
        what,
        str(count),
        percent(statistics.fmean(share for _, share in trips)),
        percent(sum(not share for _, share in trips) / len(trips)),
        f"{statistics.fmean(trip.seconds or 0.0 for trip, _ in trips):.2f} s",
        f"{statistics.fmean(trip.datagrams for trip, _ in trips):.1f}",
    ]


def _trips(size: Size, liars: int, lie: Lie) -> list[tuple[Trip, float]]:
    """Lookups beside so many liars, and the share of the peers that each found."""
    found = []
    for number in range(size.networks):
        simulation, nodes = network(size.nodes, seed=SEED + number)
        rng = random.Random(number)
        honest = [(node.id, simulation.address_of(node)) for node in nodes]
        honest.sort(key=lambda pair: distance(pair[0], key(number)))
        named = lie(rng, key(number), honest)
        nobody = Nobody()
        for _, address in named:
            simulation.put(address, nobody)  # what is sent there counts as well
        for _ in range(liars):
            liar = _liar(simulation, rng, key(number), named)
            liar.greet(address for _, address in honest)
            simulation.flush(liar)
        simulation.advance(30)
        announcers = simulation.rng.sample(nodes, size.peers)
        expected = announce(simulation, announcers, key(number))
        trips = travel(simulation, others(simulation, nodes, size.finders, *announcers), key(number))
        found += [(trip, len(trip.found & expected) / len(expected)) for trip in trips]
    return found


def _liar(simulation: Simulation, rng: random.Random, info_hash: bytes, named: Pairs) -> Liar:
    id_ = info_hash[:5] + rng.randbytes(ID_BYTES - 5)
    liar = Liar(
        simulation.new_address(), id_, lambda: {b"nodes": compact.pack_nodes(rng.sample(named, TOLD))}
    )
    simulation.put(liar.address, liar)
    return liar


def _misplaced(rng: random.Random, info_hash: bytes, honest: Pairs) -> Pairs:
    """The ids of the honest nodes closest to the key, where nobody is."""
    return [(id_, public_address(2_000_000 + number)) for number, (id_, _) in enumerate(honest[:TOLD])]


def _unfit(rng: random.Random, info_hash: bytes, honest: Pairs) -> Pairs:
    """Nodes that are not there, beside the key."""
    return [
        (info_hash[:4] + rng.randbytes(ID_BYTES - 4), public_address(2_000_000 + number))
        for number in range(INVENTED)
    ]


def _fitting(rng: random.Random, info_hash: bytes, honest: Pairs) -> Pairs:
    """Nodes that are not there, closer to the key than anybody, with ids that fit their addresses."""
    closest = distance(honest[0][0], info_hash)
    return list(islice((pair for pair in _anywhere(rng) if distance(pair[0], info_hash) < closest), INVENTED))


def _anywhere(rng: random.Random) -> Iterable[tuple[bytes, Address]]:
    while True:
        address = public_address(2_000_000 + rng.randrange(2_000_000))
        yield id_for(address[:-2], rng), address
