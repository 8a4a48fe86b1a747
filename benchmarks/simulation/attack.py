"""An attacker with 5 % and 20 % of the nodes: spread, with chosen ids or not, or from one /24 by the key."""

from __future__ import annotations

import random
from collections.abc import Iterator

from bitboot_btdht.simulation import Crowd, Simulation
from bitboot_btdht.wire.compact import Address
from bitboot_btdht.wire.node_id import distance, id_for

from .result import Plot, Result, at_least, percent
from .worlds import LATENCY_TEXT, announce, found, key, look, network, others

SEED = 8
SHARES = (0.05, 0.2)
PLACES = ("spread", "spread, ids by choice", "one /24 around the key")


def run(*, quick: bool) -> Result:
    """Measure."""
    size, keys, finders, peers = (60, 2, 5, 5) if quick else (300, 5, 30, 20)
    rows, checks = [], []
    lines: dict[str, list[tuple[float, float]]] = {}
    for place in PLACES:
        for table in ("honest", "attacked"):
            name = f"{place}, {table} table"
            lines[name] = [(0.0, 100.0)]
            for share in SHARES:
                shares: list[float] = []
                asked = 0
                for number in range(keys):
                    simulation, nodes = network(size, seed=SEED + number)
                    rng = random.Random(number)
                    honest_finders = others(simulation, nodes, finders)
                    rest = [node for node in nodes if node not in honest_finders]
                    members = MEMBERS[place](simulation, key(number), rng)
                    crowd = Crowd((next(members) for _ in range(round(share * size))), key(number))
                    # They get into every table that takes them, but for those that are to be honest.
                    targets = rest if table == "honest" else nodes
                    for member in crowd.members:
                        member.greet(simulation.address_of(node) for node in targets)
                        simulation.put(member.address, member)
                        simulation.advance(0.2)
                    simulation.advance(30)
                    expected = announce(simulation, simulation.rng.sample(rest, peers), key(number))
                    crowd_before = crowd.asked
                    shares += look(simulation, honest_finders, key(number), expected)
                    asked += crowd.asked - crowd_before
                result = found(shares)
                lines[name].append((100 * share, 100 * result.share))
                rows.append(
                    [
                        place,
                        percent(share),
                        table,
                        percent(result.share),
                        percent(result.complete),
                        f"{asked / len(shares):.1f}",
                    ]
                )
                if place == PLACES[2] and table == "honest":
                    what = f"peers found, {percent(share)} around the key from one /24, honest table"
                    checks.append(at_least(what, result.share, 1.0))
    return Result(
        name="attack",
        title="An attacker with many nodes",
        setup=f"{keys} networks of {size} honest nodes, seeds {SEED} to {SEED + keys - 1}; "
        f"{LATENCY_TEXT}. The attacker's nodes, as many more as the share says, greet the honest "
        "ones to get into their tables, name only each other, take every announcement and tell of "
        "no peer. Spread: an address in a /24 of its own for each, with an id that fits it (BEP "
        "42), by chance or, by choice, the closest to the key of all that fit. "
        f"Around the key: ids that share 40 bits or more with it, all in one /24. Then {peers} "
        f"peers announce and {finders} nodes look the key up, with tables that the attacker has "
        "greeted or not. Asked: how many of a lookup's queries went to the attacker.",
        columns=["where", "attacker's nodes", "table", "peers found", "lookups that found all", "asked"],
        rows=rows,
        plot=Plot("attacker's nodes, % of the honest", "peers found, %", lines),
        checks=checks,
    )


def spread(simulation: Simulation, info_hash: bytes, rng: random.Random) -> Iterator[tuple[bytes, Address]]:
    """Nodes anywhere, with ids that fit their addresses."""
    while True:
        address = simulation.new_address()
        yield id_for(address[:-2], rng), address


def chosen(simulation: Simulation, info_hash: bytes, rng: random.Random) -> Iterator[tuple[bytes, Address]]:
    """Nodes anywhere, each with that of the ids fitting its address which is closest to the key."""
    while True:
        address = simulation.new_address()
        fitting = [id_for(address[:-2], rng) for _ in range(64)]  # all 8 prefixes, most likely
        yield min(fitting, key=lambda id_: distance(id_, info_hash)), address


def one_subnet(
    simulation: Simulation, info_hash: bytes, rng: random.Random
) -> Iterator[tuple[bytes, Address]]:
    """Nodes in one /24 with ids next to the key."""
    number = 0
    while True:
        number += 1
        port = 6881 + number // 254
        yield (
            info_hash[:5] + rng.randbytes(15),
            bytes((99, 1, 1, 1 + number % 254)) + port.to_bytes(2, "big"),
        )


MEMBERS = dict(zip(PLACES, (spread, chosen, one_subnet), strict=True))
