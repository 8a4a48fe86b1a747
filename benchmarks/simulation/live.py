"""First peers and whole lookups in networks like the live one, against what others measured on that."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from bitboot_btdht.lookup.sampled import SampledSearches
from bitboot_btdht.node import Node
from bitboot_btdht.server.extensions import Exchange
from bitboot_btdht.simulation import LiveNetwork
from bitboot_btdht.simulation.live import BEHIND_NAT, LOSS, ROUND_TRIP, SIGMA, SLOPPY, WARM
from bitboot_btdht.wire.compact import Address, with_port

from .result import Check, Plot, Result, percent
from .side_by_side import side_by_side
from .worlds import PORT, key

SEEDS = (31, 32, 33)
SETTLED = 300.0
"""Seconds from the announcements to the lookups."""

AT_ONCE = 100
"""Announcements and lookups under way at the same time; lookups each of another node."""


@dataclass(frozen=True, slots=True)
class Size:
    """Nodes of a network, seconds that it is left alone, swarms; in each how many announce and look up."""

    nodes: int
    warm: float
    swarms: int
    peers: int
    finders: int


FULL = Size(3000, WARM, 200, 5, 5)
QUICK = Size(100, 300.0, 5, 5, 4)


@dataclass(frozen=True, slots=True)
class Lookup:
    """What one lookup took: milliseconds, queries and answers to them, and whether it found all."""

    first: float | None
    whole: float
    queries: int
    answers: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one network. `upkeep`: datagrams that a node sends an hour, its answers to others among them."""

    lookups: list[Lookup]
    upkeep: float


class Finder:
    """One lookup under way, until its `outcome` is there."""

    def __init__(self, network: LiveNetwork, node: Node, info_hash: bytes, expected: set[Address]) -> None:
        self.outcome: Lookup | None = None
        self._network = network
        self._node = node
        self._info_hash = info_hash
        self._expected = expected
        self._found: set[Address] = set()
        self._first: float | None = None
        self._began = network.simulation.now
        self._answers = 0
        self._stop = node.extensions.on_response(self._answered)
        self._searches: SampledSearches = node.find_peers(info_hash, self._told, self._ended, now=self._began)
        network.flush(node)

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or will never end, as its node has left meanwhile."""
        return self.outcome is not None or not self._network.is_there(self._node)

    def _milliseconds(self) -> float:
        return 1000 * (self._network.simulation.now - self._began)

    def _answered(self, exchange: Exchange) -> None:
        self._answers += exchange.arguments.get(b"info_hash") == self._info_hash

    def _told(self, peers: list[Address]) -> None:
        if self._first is None:
            self._first = self._milliseconds()
        self._found.update(peers)

    def _ended(self) -> None:
        self._stop()
        queries = sum(search.traversal.queries for search in self._searches.parts)
        complete = self._expected <= self._found
        self.outcome = Lookup(self._first, self._milliseconds(), queries, self._answers, complete)


def run(*, quick: bool) -> Result:
    """Measure."""
    size = QUICK if quick else FULL
    with side_by_side() as pool:
        outcomes = dict(zip(SEEDS, pool.map(partial(measure, size), SEEDS), strict=True))
    every = Outcome(
        [lookup for outcome in outcomes.values() for lookup in outcome.lookups],
        statistics.fmean(outcome.upkeep for outcome in outcomes.values()),
    )
    return Result(
        name="live",
        title="Lookups on a network like the live one",
        setup=f"{size.nodes:,} nodes, seeds {', '.join(map(str, SEEDS))}; a round trip for each pair of "
        f"nodes, lognormal with a median of {1000 * ROUND_TRIP:.0f} ms and sigma {SIGMA}; {percent(LOSS)} "
        f"loss; {percent(BEHIND_NAT)} behind NATs; {percent(SLOPPY)} hand out whoever called them; half of "
        f"the sessions last 200 minutes or less. After {size.warm / 60:.0f} minutes {size.peers} peers "
        f"announce in each of {size.swarms} swarms, and {SETTLED / 60:.0f} minutes later {size.finders} "
        "nodes look each up. Times in ms. Datagrams: queries of a lookup and the answers to them. Upkeep: "
        "what a node sends in an hour without lookups, answers to others among it.",
        columns=[
            "seed",
            "first peer: median",
            "p75",
            "p98",
            "p99",
            "whole lookup: median",
            "p98",
            "found all",
            "datagrams",
            "unanswered",
            "upkeep",
        ],
        rows=[_row(str(seed), outcome) for seed, outcome in outcomes.items()] + [_row("all", every)],
        plot=Plot(
            "ms",
            "lookups, %",
            {"first peer": _shares(first_peers(every)), "whole lookup": _shares(wholes(every))},
            logarithmic_x=True,
        ),
        checks=[] if quick else _checks(every),
    )


def measure(size: Size, seed: int) -> Outcome:
    """One network."""
    network = LiveNetwork(size.nodes, seed=seed)
    network.simulation.advance(size.warm / 2)
    sent = _sent(network)
    network.simulation.advance(size.warm / 2)
    upkeep = _upkeep(sent, _sent(network), size.warm / 2)
    return Outcome(list(look_up(network, size)), upkeep)


def look_up(network: LiveNetwork, size: Size) -> Iterator[Lookup]:
    """Announce in every swarm, and look each up."""
    simulation = network.simulation
    expected: dict[bytes, set[Address]] = {}
    keys = [key(number) for number in range(size.swarms)]
    swarms_at_once = max(1, AT_ONCE // size.peers)
    for start in range(0, len(keys), swarms_at_once):
        expected |= announce(network, keys[start : start + swarms_at_once], size.peers)
    simulation.advance(SETTLED)
    swarms = [swarm for swarm in expected.items() for _ in range(size.finders)]
    for start in range(0, len(swarms), AT_ONCE):
        some = swarms[start : start + AT_ONCE]
        nodes = simulation.rng.sample(_settled(network.reachable), len(some))
        finders = [Finder(network, node, *swarm) for node, swarm in zip(nodes, some, strict=True)]
        simulation.run_until(lambda: all(finder.is_over for finder in finders))  # noqa: B023
        yield from (finder.outcome for finder in finders if finder.outcome)


def announce(network: LiveNetwork, keys: Sequence[bytes], peers: int) -> dict[bytes, set[Address]]:
    """Announce so many peers in each of these swarms, and wait for all. Who was announced.

    Side by side: one swarm after another takes longer than peers are kept. Who leaves meanwhile is not among
    them.
    """
    simulation = network.simulation
    expected: dict[bytes, set[Address]] = {info_hash: set() for info_hash in keys}
    under_way: dict[tuple[bytes, Address], Node] = {}

    def ended(info_hash: bytes, address: Address, _: int) -> None:
        del under_way[info_hash, address]
        expected[info_hash].add(with_port(address, PORT))

    for info_hash in keys:
        for node in simulation.rng.sample(_settled(network.nodes), peers):
            address = network.address_of(node)
            under_way[info_hash, address] = node
            node.announce(info_hash, PORT, partial(ended, info_hash, address), now=simulation.now)
            network.flush(node)
    simulation.run_until(lambda: not any(map(network.is_there, under_way.values())))
    return expected


def _settled(nodes: Iterable[Node]) -> list[Node]:
    """Those that have joined: a newcomer whose contacts are all behind NATs knows nobody, and can neither
    announce nor look up."""
    return [node for node in nodes if len(node.tables[4]) > node.settings.k]


def _sent(network: LiveNetwork) -> dict[Node, int]:
    return {node: node.counters.sent for node in network.nodes}


def _upkeep(before: dict[Node, int], after: dict[Node, int], seconds: float) -> float:
    there = [node for node in before if node in after]
    return statistics.fmean(after[node] - before[node] for node in there) * 3600 / seconds


def first_peers(outcome: Outcome) -> list[float]:
    """Milliseconds to the first peer of those lookups that found any, the shortest first."""
    return sorted(lookup.first for lookup in outcome.lookups if lookup.first is not None)


def wholes(outcome: Outcome) -> list[float]:
    """Milliseconds that the lookups took, the shortest first."""
    return sorted(lookup.whole for lookup in outcome.lookups)


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _shares(ordered: Sequence[float]) -> list[tuple[float, float]]:
    return [(_quantile(ordered, percent_ / 100), float(percent_)) for percent_ in range(1, 100)]


def _datagrams(outcome: Outcome) -> float:
    return statistics.fmean(lookup.queries + lookup.answers for lookup in outcome.lookups)


def _complete(outcome: Outcome) -> float:
    return sum(lookup.complete for lookup in outcome.lookups) / len(outcome.lookups)


def _row(what: str, outcome: Outcome) -> list[str]:
    first, whole = first_peers(outcome), wholes(outcome)
    queries = sum(lookup.queries for lookup in outcome.lookups)
    answers = sum(lookup.answers for lookup in outcome.lookups)
    return [
        what,
        *(f"{_quantile(first, share):,.0f}" for share in (0.5, 0.75, 0.98, 0.99)),
        *(f"{_quantile(whole, share):,.0f}" for share in (0.5, 0.98)),
        percent(_complete(outcome)),
        f"{_datagrams(outcome):.1f}",
        f"{100 * (1 - answers / queries):.1f} %",
        f"{outcome.upkeep:,.0f}",
    ]


def _checks(outcome: Outcome) -> list[Check]:
    first, whole = first_peers(outcome), wholes(outcome)
    limits = [
        ("ms to the first peer, median", _quantile(first, 0.5), 165),
        ("ms to the first peer, p75", _quantile(first, 0.75), 270),
        ("ms to the first peer, p98", _quantile(first, 0.98), 520),
        ("ms of a whole lookup, median", _quantile(whole, 0.5), 900),
        ("ms of a whole lookup, p98", _quantile(whole, 0.98), 2500),
        ("datagrams of a lookup", _datagrams(outcome), 60),
        ("datagrams of upkeep that a node sends in an hour", outcome.upkeep, 1500),
    ]
    checks = [
        Check(what, f"at most {limit:,}", f"{measured:,.1f}", measured <= limit)
        for what, measured, limit in limits
    ]
    complete = _complete(outcome)
    what = "lookups that found all"
    return [*checks, Check(what, f"at least {percent(0.995)}", percent(complete), complete >= 0.995)]
