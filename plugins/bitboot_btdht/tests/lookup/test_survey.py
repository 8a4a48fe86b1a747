"""Asking nodes which keys they store (BEP 51): politely, and whatever they answer."""

from __future__ import annotations

import random
from typing import Any

import pytest
from bitboot_btdht.lookup.survey import LONGEST_INTERVAL, MOST_STORED, QUEUE, Pauses, Sample, Survey, sampled
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import Simulation
from bitboot_btdht.wire import bencode, compact, krpc
from hypothesis import given
from hypothesis import strategies as st

from ..scripted import Scripted, at, id_of

KEYS = [bytes([number]) * 20 for number in range(1, 4)]
NEVER = float("inf")


def info(address: bytes, number: int) -> bytes:
    return compact.pack_nodes([(id_of(number), address)])


class Asking:
    """One survey of a scripted network, asked of node 1 to begin with."""

    def __init__(self, *known: int, nodes: int = 100, pauses: Pauses | None = None, **settings: Any) -> None:
        self.network = Scripted(*known, **settings)
        self.samples: list[Sample] = []
        self.ended: list[int] = []
        self.survey = Survey(
            self.network,
            4,
            self.samples.append,
            self.ended.append,
            nodes=nodes,
            pauses=pauses or Pauses(100),
            rng=random.Random(1),
            now=0.0,
        )
        self.survey.start()

    @property
    def asked(self) -> set[bytes]:
        return {asked.address for asked in self.network.asked}


def test_one_node_after_another_is_asked_with_a_target_of_its_own() -> None:
    asking = Asking(1, 2, 3)
    assert len(asking.network.asked) == 1
    assert asking.survey.next_due == pytest.approx(0.2)
    asking.survey.poll(0.1)
    assert len(asking.network.asked) == 1, "5 a second"
    asking.survey.poll(0.2)
    asking.survey.poll(0.4)
    assert asking.asked == {at(1), at(2), at(3)}
    assert {asked.method for asked in asking.network.asked} == {b"sample_infohashes"}
    assert len({asked.arguments[b"target"] for asked in asking.network.asked}) == 3


def test_samples_are_handed_on_and_nodes_followed_until_all_have_been_asked() -> None:
    asking = Asking(1)
    nodes = b"".join(info(at(number), number) for number in (2, 3))
    asking.network.last(1).answer(1, samples=b"".join(KEYS), num=40, interval=60, nodes=nodes)
    assert asking.samples == [Sample(at(1), tuple(KEYS), 40, 60.0)]
    assert str(asking.samples[0].host) == "10.0.0.1:6881"
    for now in (1.0, 2.0, 3.0):
        asking.survey.poll(now)
    for number in (2, 3):
        asking.network.last(number).answer(number, nodes=nodes)
    asking.survey.poll(4.0)
    assert asking.ended == [3]
    assert len(asking.samples) == 1, "who does not know the method answers as to find_node"
    assert asking.survey.next_due == NEVER


def test_no_more_than_asked_for_are_asked_and_some_at_a_time() -> None:
    asking = Asking(*range(1, 20), nodes=5)
    for turn in range(10):
        asking.survey.poll(float(turn))
    assert len(asking.network.asked) == 3, "three wait"
    assert asking.survey.next_due == NEVER
    for number, asked in enumerate(list(asking.network.asked), 1):
        asked.lose() if number == 2 else asked.answer(number)
    for turn in range(10, 20):
        asking.survey.poll(float(turn))
    assert len(asking.network.asked) == 5
    for asked in asking.network.asked[3:]:
        asked.refuse()
    asking.survey.poll(20.0)
    assert asking.ended == [5]


def test_where_there_is_nobody_it_ends_at_once() -> None:
    assert Asking().ended == [0]


def test_a_node_is_left_alone_for_as_long_as_it_says() -> None:
    pauses = Pauses(100)
    first = Asking(1, pauses=pauses)
    first.network.last(1).answer(1, samples=b"", num=0, interval=60)
    first.survey.poll(1.0)
    assert first.ended == [1]
    again = Asking(1, pauses=pauses)
    assert again.ended == [0]
    assert not pauses.holds(at(1), 60.0)


def test_one_that_knows_no_samples_is_left_alone_for_long() -> None:
    pauses = Pauses(100)
    Asking(1, pauses=pauses).network.last(1).answer(1)
    assert pauses.holds(at(1), LONGEST_INTERVAL - 1)


def test_of_very_many_pauses_the_latest_are_remembered() -> None:
    pauses = Pauses(3)
    for number in range(5):
        pauses.set(at(number), 100.0)
    assert [pauses.holds(at(number), 1.0) for number in range(5)] == [False, False, True, True, True]


def test_a_liar_cannot_send_us_where_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not to addresses of ours, not to one of its own networks again and again, and not without end."""
    told = [compact.pack("127.0.0.1", 6881), compact.pack("10.0.0.1", 6881)]
    told += [compact.pack(f"66.6.6.{number}", 6881) for number in range(1, 200)]
    told += [compact.pack(f"70.{number >> 8}.{number & 255}.1", 6881) for number in range(2000)]
    monkeypatch.setattr(Scripted, "closest", lambda *_: [(id_of(1), compact.pack("20.0.0.1", 6881))])
    asking = Asking(nodes=10_000, samples_per_second=None, nodes_taken_per_reply=10_000)
    nodes = b"".join(info(address, number) for number, address in enumerate(told))
    asking.network.asked[0].answer(1, nodes=nodes)
    turn = 1
    while asking.survey.next_due != NEVER:
        asking.survey.poll(float(turn))
        for asked in asking.network.asked[turn:]:
            turn += 1
            asked.lose()
    assert asking.ended == [len(asking.network.asked)]
    assert not asking.asked & set(told[:2])
    assert sum(address.startswith(told[2][:3]) for address in asking.asked) <= 3
    assert QUEUE <= len(asking.asked) <= QUEUE + 1


# What an answer may hold

MALFORMED = [None, 7, [b"x" * 20], b"x" * 19, b"x" * 21, {b"x": b"y"}]


@pytest.mark.parametrize("samples", MALFORMED)
def test_what_is_no_sample_is_none(samples: object) -> None:
    values = {} if samples is None else {b"samples": samples}
    assert sampled(at(1), krpc.Response(b"aa", id_of(1), values, None), 100) is None


@pytest.mark.parametrize("num", [2**63, -1, MOST_STORED + 1, b"7", None, [1], 0])
def test_a_number_that_cannot_be_counts_what_is_there(num: object) -> None:
    values = {b"samples": KEYS[0] * 2 + KEYS[1], b"num": num, b"interval": 5}
    found = sampled(at(1), krpc.Response(b"aa", id_of(1), values, None), 100)
    assert found == Sample(at(1), (KEYS[0], KEYS[1]), 2, 5.0)


@pytest.mark.parametrize(
    ("interval", "taken"),
    [(2**63, 21_600), (-(2**63), 0), (0, 0), (60, 60), (b"60", 21_600), (None, 21_600), ([], 21_600)],
)
def test_an_interval_has_an_end(interval: object, taken: float) -> None:
    values = {b"samples": b"", b"num": 0, b"interval": interval}
    found = sampled(at(1), krpc.Response(b"aa", id_of(1), values, None), 100)
    assert found is not None
    assert found.interval == taken


def test_of_one_answer_so_many_keys_are_taken() -> None:
    values = {b"samples": b"".join(number.to_bytes(20, "big") for number in range(400)), b"num": 400}
    found = sampled(at(1), krpc.Response(b"aa", id_of(1), values, None), 100)
    assert found is not None
    assert (len(found.keys), found.stored) == (100, 400)


values = st.recursive(
    st.integers(-(2**64), 2**64) | st.binary(max_size=100) | st.binary(min_size=20, max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.binary(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([b"samples", b"num", b"interval", b"nodes"]), values))
def test_whatever_is_answered_a_sample_makes_sense(answer: dict[bytes, Any]) -> None:
    read = bencode.decode(bencode.encode(answer))
    found = sampled(at(1), krpc.Response(b"aa", id_of(1), read, None), 100)
    if found is not None:
        assert all(len(key) == 20 for key in found.keys)
        assert len(found.keys) <= found.stored <= MOST_STORED
        assert 0 <= found.interval <= LONGEST_INTERVAL


# On whole networks


def survey(simulation: Simulation, node: Node, nodes: int = 1000) -> tuple[list[Sample], int, float]:
    samples: list[Sample] = []
    ended: list[int] = []
    began = simulation.now
    node.sample(samples.append, ended.append, now=simulation.now, nodes=nodes)
    simulation.run(node, lambda: bool(ended))
    return samples, ended[0], simulation.now - began


def test_a_survey_finds_the_keys_of_a_network_and_takes_its_time() -> None:
    simulation = Simulation(seed=1, settings=Settings(sampled_sources=1))
    nodes = simulation.populate(40)
    keys = [bytes([number]) * 20 for number in range(0, 250, 25)]
    for number, key in enumerate(keys):
        simulation.announce(nodes[number], key)
    samples, asked, seconds = survey(simulation, nodes[-1])
    assert asked >= 35
    assert {key for sample in samples for key in sample.keys} == set(keys)
    assert len({sample.address for sample in samples}) == len(samples) == asked
    assert seconds >= (asked - 1) / 5
    assert survey(simulation, nodes[-1])[1] < 10, "they are left alone for a minute"
    simulation.advance(60)
    assert survey(simulation, nodes[-1])[1] >= 35


def test_a_survey_that_is_called_off_asks_nobody_else() -> None:
    simulation = Simulation(seed=1)
    nodes = simulation.populate(20)
    samples: list[Sample] = []
    asked = nodes[0].counters.sent
    operation = nodes[0].sample(samples.append, lambda _: pytest.fail("ended"), now=simulation.now)
    operation.cancel()
    simulation.flush(nodes[0])
    simulation.advance(5)
    assert samples == []
    assert nodes[0].counters.sent - asked <= 1
    simulation.advance(120)
    assert nodes[0]._surveys == []
