"""An attacker with 5 % and 20 % of the nodes: spread, with chosen ids or not, or from one /24 by the key."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from bitboot_btdht.simulation import Crowd, Simulation
from bitboot_btdht.wire.compact import Address
from bitboot_btdht.wire.node_id import distance, id_for

from .result import Check, Plot, Result, at_least, percent
from .side_by_side import side_by_side
from .siege import CHURN, SWARMS, besiege
from .worlds import LATENCY_TEXT, Traffic, announce, found, key, look, network, others

SEED = 8
SHARES = (0.05, 0.2)
PLACES = ("spread", "spread, ids by choice", "one /24 around the key")
OLD_ENOUGH = 240.0
"""Simulated seconds that a network is left alone first: by then newcomers have looked around."""

ACCEPTED = 600.0
"""Simulated seconds from its greetings to the announcements: callers are verified after 5 minutes."""

HOURS = 3.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one network: the share of the peers that each lookup found, and how often the attacker was asked.

    `announced` and `looked`: datagrams of an announcement and of a lookup, in the mean, both ways.
    """

    shares: list[float]
    asked: int
    announced: float
    looked: float


def run(*, quick: bool) -> Result:
    """Measure."""
    size, keys, finders, peers = (60, 2, 5, 5) if quick else (300, 5, 20, 20)
    rows, checks = [], []
    lines: dict[str, list[tuple[float, float]]] = {}
    town, hours, seeds = (40, 1.0, 1) if quick else (200, HOURS, 8)
    plans = [
        (place, table, share) for place in PLACES for table in ("honest", "attacked") for share in SHARES
    ]
    with side_by_side() as pool:  # each network is a world of its own
        sieges_by_place = {
            place: [
                pool.submit(
                    besiege,
                    MEMBERS[place],
                    size=town,
                    share=SHARES[1],
                    hours=hours,
                    lookups=finders,
                    seed=SEED + n,
                )
                for n in range(seeds)
            ]
            for place in PLACES[:2]
        }
        networks = {
            (place, table, share): [
                pool.submit(
                    attacked,
                    n,
                    place,
                    share,
                    known=table == "attacked",
                    size=size,
                    finders=finders,
                    peers=peers,
                )
                for n in range(keys)
            ]
            for place, table, share in [(PLACES[0], "attacked", 0.0), *plans]
        }
    calm = [network.result() for network in networks[PLACES[0], "attacked", 0.0]]
    rows.append(["nowhere", "none", "honest", *cells(calm)])
    for place, table, share in plans:
        outcomes = [network.result() for network in networks[place, table, share]]
        result = found([share for outcome in outcomes for share in outcome.shares])
        lines.setdefault(f"{place}, {table} table", [(0.0, 100.0)]).append((100 * share, 100 * result.share))
        rows.append([place, percent(share), table, *cells(outcomes)])
        what = f"peers found, {percent(share)} {place}, {table} table"
        if place == PLACES[2] and table == "honest":
            checks.append(at_least(what, result.share, 1.0))
        elif place == PLACES[1] and share == SHARES[1]:
            checks.append(at_least(what, result.share, 0.95))
            looked = statistics.fmean(outcome.looked for outcome in outcomes)
            checks += costs(f"{percent(share)} {place}, {table} table", looked, calm, quick=quick)
    for place in PLACES[:2]:
        sieges = [siege.result() for siege in sieges_by_place[place]]
        tables = statistics.fmean(siege.tables for siege in sieges)
        if not quick:  # in so small a town the attacker is everybody's neighbour
            share = statistics.fmean(share for siege in sieges for share in siege.shares)
            checks.append(at_least(f"peers found after {hours:g} h of churn, {place}", share, 0.9))
        looked = statistics.fmean(siege.looked for siege in sieges)
        checks += costs(f"after {hours:g} h of churn, {place}", looked, calm, quick=quick)
        rows.append(
            [
                place,
                percent(SHARES[1]),
                f"{hours:g} h of churn, {percent(tables)} theirs",
                *figures([siege.shares for siege in sieges]),
                f"{sum(siege.asked for siege in sieges) / seeds / finders:.1f}",
                "not measured",
                f"{looked:.0f}",
            ]
        )
    return Result(
        name="attack",
        title="An attacker with many nodes",
        setup=f"{keys} networks of {size} honest nodes, seeds {SEED} to {SEED + keys - 1}; "
        f"{LATENCY_TEXT}. The attacker comes {OLD_ENOUGH / 60:g} minutes after the last of them, "
        f"{ACCEPTED / 60:g} before the first announcement. Its nodes, "
        "as many more as the share says, greet the honest ones to get into their tables, name only each "
        "other, take every announcement and tell of no peer. Spread: an address in a /24 of its own for "
        "each, with an id that fits it (BEP 42), by chance or, by choice, the closest to the key of all "
        "that fit. "
        f"Around the key: ids that share 40 bits or more with it, all in one /24. Then {peers} "
        f"peers announce and {finders} nodes look the key up, with tables that the attacker has "
        "greeted or not. "
        f"Under churn: {seeds} networks of {town} programs in {SWARMS} swarms, of which {percent(CHURN)} "
        "leave in an hour; the attacker's nodes stay, and greet everybody every 15 minutes. In brackets "
        "the network where least was found. Asked: how many of a lookup's queries went to the attacker. "
        "Datagrams: both ways.",
        columns=[
            "where",
            "attacker's nodes",
            "table",
            "peers found",
            "lookups that found all",
            "asked",
            "datagrams of an announcement",
            "datagrams of a lookup",
        ],
        rows=rows,
        plot=Plot("attacker's nodes, % of the honest", "peers found, %", lines),
        checks=checks,
    )


def costs(what: str, looked: float, calm: list[Outcome], *, quick: bool) -> list[Check]:
    """The check of a lookup's datagrams against those without an attacker: none in a small network."""
    times = looked / statistics.fmean(outcome.looked for outcome in calm)
    name = f"datagrams of a lookup, {what}"
    return (
        []
        if quick
        else [Check(name, "at most twice those with no attacker", f"{times:.2f} times", times <= 2)]
    )


def figures(networks: list[list[float]]) -> list[str]:
    """The columns of what was found, by the shares of each network's lookups."""
    result = found([share for shares in networks for share in shares])
    worst = min(statistics.fmean(shares) for shares in networks)
    return [f"{percent(result.share)} ({percent(worst)})", percent(result.complete)]


def cells(outcomes: list[Outcome]) -> list[str]:
    """A row's columns from "peers found" on."""
    shares = [outcome.shares for outcome in outcomes]
    return [
        *figures(shares),
        f"{sum(outcome.asked for outcome in outcomes) / sum(map(len, shares)):.1f}",
        f"{statistics.fmean(outcome.announced for outcome in outcomes):.0f}",
        f"{statistics.fmean(outcome.looked for outcome in outcomes):.0f}",
    ]


def attacked(
    number: int, place: str, share: float, *, known: bool, size: int, finders: int, peers: int
) -> Outcome:
    """One network. `known`: whether the attacker gets into the tables of those who look up as well."""
    simulation, nodes = network(size, seed=SEED + number)
    simulation.advance(OLD_ENOUGH)
    honest_finders = others(simulation, nodes, finders)
    rest = others(simulation, nodes, size - finders, *honest_finders)
    members = MEMBERS[place](simulation, key(number), random.Random(number))
    crowd = Crowd((next(members) for _ in range(round(share * size))), key(number))
    for member in crowd.members:
        member.greet(simulation.address_of(node) for node in (nodes if known else rest))
        simulation.put(member.address, member)
        simulation.advance(0.2)
    simulation.advance(ACCEPTED)
    announcers = simulation.rng.sample(rest, peers)
    with Traffic(simulation, announcers) as announcing:
        expected = announce(simulation, announcers, key(number))
    before = crowd.asked
    with Traffic(simulation, honest_finders) as looking:
        shares = look(simulation, honest_finders, key(number), expected)
    return Outcome(shares, crowd.asked - before, announcing.each, looking.each)


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
