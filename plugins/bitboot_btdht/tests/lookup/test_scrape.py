"""Asking how large a swarm is (BEP 33): of whom, and what is made of the answers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from bitboot_btdht.lookup.scrape import Scrape, Scrapes
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import Simulation, public_address
from bitboot_btdht.wire import bloom, compact, krpc

from ..scripted import Scripted, at

HASH = b"\0" * 20
SIMULATED = b"h" * 20


def peer(number: int) -> bytes:
    return compact.pack(f"50.0.{number >> 8}.{number & 255}", 6881)


def packed(*numbers: int) -> bytes:
    return bloom.packed(bloom.bloom(peer(number)[:-2] for number in numbers))


class Asking:
    """One scrape of a scripted network whose nodes 1 to 8 are the closest."""

    def __init__(self, stored: tuple[int, int] | None = None) -> None:
        self.network = Scripted(*range(1, 9))
        self.ended = 0
        self.scrape = Scrape(self.network, HASH, 4, self._end, stored=stored)
        self.scrape.start()

    def _end(self) -> None:
        self.ended += 1

    def answer(self, answers: Mapping[int, Mapping[str, Any]]) -> tuple[float, float]:
        """Let all answer, those named with these values; how many seeds and others that makes."""
        told: set[int] = set()
        while len(told) < 8:
            for number in set(range(1, 9)) - told:
                if any(asked.address == at(number) for asked in self.network.asked):
                    told.add(number)
                    self.network.last(number).answer(number, token=b"t", **answers.get(number, {}))
        assert self.ended == 1
        searches = Scrapes([4], lambda family, done: self.scrape, lambda _: None)
        return searches.sizes()


def test_the_query_is_a_get_peers_with_scrape() -> None:
    asking = Asking()
    assert {asked.method for asked in asking.network.asked} == {b"get_peers"}
    assert asking.network.asked[0].arguments == {b"info_hash": HASH, b"scrape": 1}


def test_seeds_and_others_are_counted_apart() -> None:
    told = {"BFsd": packed(1, 2, 3), "BFpe": packed(4, 5)}
    seeds, others = Asking().answer(dict.fromkeys(range(1, 9), told))
    assert (round(seeds), round(others)) == (3, 2)


def test_where_nobody_knows_of_any_there_are_none() -> None:
    assert Asking().answer({}) == (0, 0)


@pytest.mark.parametrize("filled", [("BFsd",), ("BFpe",), ("BFsd", "BFpe")])
def test_a_liar_with_a_full_filter_is_not_believed(filled: tuple[str, ...]) -> None:
    told = {"BFsd": packed(1), "BFpe": packed(4, 5)}
    full = told | dict.fromkeys(filled, b"\xff" * 256)
    asking = Asking()
    seeds, others = asking.answer({**dict.fromkeys(range(1, 8), told), 8: full})
    assert (round(seeds), round(others)) == (1, 2)
    assert len(asking.scrape.told()) == 7, "it is no witness at all"


def test_nor_is_one_that_keeps_just_below() -> None:
    many = bloom.packed(bloom.bloom(random.Random(1).randbytes(4) for _ in range(5_800)))
    assert Asking().answer({8: {"BFsd": many, "BFpe": many}}) == (0, 0)


@pytest.mark.parametrize(
    "odd",
    [
        {"BFsd": b"x" * 255, "BFpe": b"x" * 257},
        {"BFsd": 7, "BFpe": [b"x" * 256]},
        {"BFpe": b"\xff" * 256},
        {"values": 7},
        {"values": [7, b"x", b"\0" * 6, [b"abcdef"], b"x" * 18]},
        {"BFsd": {}, "BFpe": b"", "values": b"abcdef"},
    ],
)
def test_whatever_one_answers_the_others_are_counted(odd: dict[str, Any]) -> None:
    told = {"BFsd": packed(1, 2, 3), "BFpe": packed(4, 5)}
    seeds, others = Asking().answer({**dict.fromkeys(range(1, 8), told), 8: odd})
    assert (round(seeds), round(others)) == (3, 2)


def test_peers_that_are_listed_count_and_are_seeds_where_others_say_so() -> None:
    """ "Handling legacy responses" """
    told: dict[str, Any] = {"BFsd": packed(1, 2), "BFpe": packed(3, 4, 5)}
    listed: dict[str, Any] = {"values": [peer(number) for number in range(1, 6)]}
    answers = {**dict.fromkeys(range(1, 6), told), **dict.fromkeys(range(6, 9), listed)}
    seeds, others = Asking().answer(answers)
    assert (round(seeds), round(others)) == (2, 3)


def test_nodes_that_only_list_have_no_say_in_who_is_a_seed() -> None:
    told: dict[str, Any] = {"BFsd": packed(1, 2), "BFpe": packed(3)}
    listed: dict[str, Any] = {"values": [peer(number) for number in range(1, 4)]}
    answers = {**dict.fromkeys(range(1, 4), told), **dict.fromkeys(range(4, 9), listed)}
    assert round(Asking().answer(answers)[0]) == 2


def test_a_stranger_tells_of_nobody_in_our_house() -> None:
    listed = {"values": [compact.pack("127.0.0.1", number) for number in range(1, 4)]}
    assert Asking().answer(dict.fromkeys(range(1, 9), listed)) == (0, 0)


def test_what_we_store_ourselves_is_one_more_word() -> None:
    mine = bloom.bloom([peer(1)[:-2]])
    asking = Asking(stored=(mine, 0))
    assert asking.answer({}) == (0, 0)
    assert len(asking.scrape.told()) == 8
    told = {"BFsd": packed(1), "BFpe": packed()}
    assert round(Asking(stored=(mine, 0)).answer(dict.fromkeys((1, 2, 3, 4), told))[0]) == 1


# On whole networks


def size(simulation: Simulation, node: Node, info_hash: bytes = SIMULATED) -> tuple[int, int]:
    done: list[bool] = []
    scrapes = node.size(info_hash, lambda: done.append(True), now=simulation.now)
    simulation.run(node, lambda: bool(done))
    seeds, others = scrapes.sizes()
    assert scrapes.asked >= scrapes.counted > 0
    return round(seeds), round(others)


def announced(simulation: Simulation, nodes: list[Node], seeds: int) -> None:
    done: list[int] = []
    for number, node in enumerate(nodes):
        node.announce(SIMULATED, 6881, done.append, now=simulation.now, seed=number < seeds)
        simulation.flush(node)
    simulation.run_until(lambda: len(done) == len(nodes))


@pytest.mark.once
@pytest.mark.parametrize(("peers", "seeds"), [(1, 0), (5, 2), (60, 10)])
def test_a_swarm_is_counted_as_it_is(peers: int, seeds: int) -> None:
    simulation = Simulation(seed=peers)
    nodes = simulation.populate(100)
    announced(simulation, nodes[:peers], seeds)
    found, others = size(simulation, nodes[90])
    assert found == pytest.approx(seeds, abs=1)
    assert others == pytest.approx(peers - seeds, abs=1 + 0.05 * peers)
    assert size(simulation, nodes[95], b"o" * 20) == (0, 0)


@pytest.mark.once
def test_a_crowd_is_counted_without_fetching_it() -> None:
    simulation = Simulation(seed=3)
    nodes = simulation.populate(60)
    storing = sorted(nodes, key=lambda node: int.from_bytes(node.id) ^ int.from_bytes(SIMULATED))[:8]
    for node in storing:
        for number in range(1, 1501):
            node.store.add(SIMULATED, public_address(100_000 + number), simulation.now)
    asker = next(node for node in nodes if node not in storing)
    before = asker.counters.received
    seeds, others = size(simulation, asker)
    assert seeds == 0
    assert others == pytest.approx(1500, rel=0.06)
    assert asker.counters.received - before < 40


def answer(values: dict[bytes, Any], query: krpc.Query, address: bytes) -> dict[bytes, Any]:
    return values


@pytest.mark.once
def test_two_liars_next_to_the_key_change_nothing() -> None:
    """The two closest nodes of a network say that there are thousands, or nobody."""
    simulation = Simulation(seed=5)
    nodes = simulation.populate(100)
    announced(simulation, nodes[:30], seeds=0)
    asker = nodes[50]
    honest = size(simulation, asker)
    nodes.sort(key=lambda node: int.from_bytes(node.id) ^ int.from_bytes(SIMULATED))
    many = bloom.packed(bloom.bloom(random.Random(1).randbytes(4) for _ in range(5_800)))
    for filters in ({b"BFsd": many, b"BFpe": many}, {b"BFsd": bytes(256), b"BFpe": bytes(256)}, {}):
        for liar in nodes[:2]:
            liar.extensions.answer(b"get_peers", partial(answer, {b"token": b"t", **filters}))
        seeds, others = size(simulation, asker)
        assert seeds == 0
        assert others == pytest.approx(honest[1], abs=2)


def test_each_family_is_counted_for_itself() -> None:
    """Two DHTs (BEP 32): a node that stores peers of both tells in each of its own."""
    node = Node(now=0.0, settings=Settings(), families=(4, 6), rng=random.Random(1))
    node.store.add(HASH, peer(1), 0.0)
    node.store.add(HASH, compact.pack("2a01:4f8::1", 6881), 0.0)
    node.store.add(HASH, compact.pack("2a01:4f8:1::1", 6881), 0.0, seed=True)
    done: list[bool] = []
    scrapes = node.size(HASH, lambda: done.append(True), now=0.0)
    assert done == [True]
    assert scrapes.asked == 0
    assert not scrapes.unanswered
    seeds, others = scrapes.sizes()
    assert (round(seeds), round(others)) == (1, 2)


def test_silence_is_not_an_empty_swarm() -> None:
    asking = Asking()
    searches = Scrapes([4], lambda family, done: asking.scrape, lambda _: None)
    assert searches.unanswered
    asking.network.asked[0].answer(1)
    assert not searches.unanswered


def test_a_scrape_that_is_called_off_calls_nobody() -> None:
    asking = Asking()
    asking.scrape.cancel()
    for asked in list(asking.network.asked):
        asked.answer(1, nodes=b"", BFsd=packed(1), BFpe=packed(2))
    assert asking.ended == 0
