"""The store of items: what it holds, and who loses when it is full."""

from __future__ import annotations

import hashlib
import random

import pytest
from bitboot_btdht.server.item_store import STAKES, ItemStore, Stored
from bitboot_btdht.settings import Settings
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bitboot_core.aio.limits import packed


def key(number: int) -> bytes:
    return hashlib.sha1(b"%d" % number).digest()


def long(number: int = 0) -> Stored:
    return Stored(b"996:" + b"%04d" % (number % 10_000) * 249)


HONEST = [packed(f"{20 + number // 200}.{number % 200}.7.7") for number in range(400)]
HONEST_6 = [packed(f"2a00:{number + 1:x}::7") for number in range(100)]


@pytest.mark.parametrize("flood", ["/24", "/64", "/48", "one address"])
def test_a_flood_from_one_network_loses_nobody_elses_items(flood: str) -> None:
    """400 publishers with two items each on IPv4, 100 on IPv6, and twice as many as there is room for."""
    store, rng = ItemStore(Settings()), random.Random(1)
    honest = {key(number): (ip, long(number)) for number, ip in enumerate((HONEST + HONEST_6) * 2)}
    for target, (ip, item) in list(honest.items())[:500]:
        store.put(target, item, ip, 0.0)
    sources = {
        "/24": lambda: packed(f"66.6.6.{rng.randrange(256)}"),
        "/64": lambda: packed(f"2a01:4f8:6:6::{rng.randrange(1, 65536):x}"),
        "/48": lambda: packed(f"2a01:4f8:6:{rng.randrange(65536):x}::1"),
        "one address": lambda: packed("66.6.6.6"),
    }
    for number in range(10_000):
        store.put(key(100_000 + number), long(number), sources[flood](), 1.0)
    for target, (ip, item) in list(honest.items())[500:]:
        store.put(target, item, ip, 2.0)
    assert all(store.get(target, 3.0) == item for target, (_, item) in honest.items())
    assert store.size <= Settings().max_item_bytes
    assert len(store) > 3000, "and the flood has the rest"


def test_who_puts_others_items_again_takes_nothing_from_them() -> None:
    """Each is kept by all who put it: the flooder's stakes are lost, theirs stay."""
    store = ItemStore(Settings())
    for number, ip in enumerate(HONEST):
        if number % 2:  # some are put by the flooder first
            store.put(key(number), long(number), packed("66.6.6.6"), 0.0)
        store.put(key(number), long(number), ip, 0.0)
        store.put(key(number), long(number), packed("66.6.6.6"), 0.0)
    for number in range(8_000):
        store.put(key(100_000 + number), long(number), packed("66.6.6.6"), 1.0)
    assert all(store.get(key(number), 1.0) for number in range(400))


def test_the_longest_item_counts_for_more_than_a_short_one() -> None:
    short, full = ItemStore(Settings()), ItemStore(Settings())
    for number in range(10_000):
        short.put(key(number), Stored(b"4:%04d" % number), HONEST[number % 400], 0.0)
        full.put(key(number), long(number), HONEST[number % 400], 0.0)
    assert len(full) < len(short) < 10_000
    assert max(full.size, short.size) <= Settings().max_item_bytes


def test_an_item_stays_until_the_last_who_put_it() -> None:
    store = ItemStore(Settings())
    store.put(key(1), long(), HONEST[0], 0.0)
    store.put(key(1), long(), HONEST[1], 3600.0)
    assert store.get(key(1), 7200.0) == long()
    assert store.get(key(1), 10_799.0) == long()
    assert store.get(key(1), 10_800.0) is None
    assert (len(store), store.size) == (0, 0)


def test_of_many_who_put_one_item_some_are_remembered() -> None:
    store = ItemStore(Settings())
    for number, ip in enumerate(HONEST):
        store.put(key(1), long(), ip, float(number))
    assert store.size < 1_000 * (STAKES + 3)
    assert store.get(key(1), 7200.0 + 399.0 - 1.0) == long()
    assert store.get(key(1), 7200.0 + 399.0) is None


def test_of_one_network_the_items_put_longest_ago_are_lost() -> None:
    store = ItemStore(Settings(max_item_bytes=25_000))
    for number in range(20):
        store.put(key(number), long(number), HONEST[0], float(number))
    kept = [number for number in range(20) if store.get(key(number), 20.0)]
    assert kept == list(range(9, 20))


class Model(RuleBasedStateMachine):
    """A small store beside what it must never do."""

    def __init__(self) -> None:
        super().__init__()
        self.store = ItemStore(Settings(max_item_bytes=12_000, item_lifetime=100.0))
        self.now = 0.0
        self.put_at: dict[bytes, tuple[Stored, float]] = {}

    @rule(number=st.integers(0, 12), source=st.integers(0, 20), length=st.integers(0, 900))
    def put(self, number: int, source: int, length: int) -> None:
        item = Stored(b"%d:" % length + b"x" * length)
        self.store.put(key(number), item, packed(f"20.0.{source // 4}.{source}"), self.now)
        self.put_at[key(number)] = item, self.now

    @rule(seconds=st.floats(0.0, 60.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def expire(self) -> None:
        self.store.expire(self.now)

    @invariant()
    def what_is_there_was_put_and_has_not_ended(self) -> None:
        assert self.store.size <= 12_000
        found = 0
        for target, (item, then) in self.put_at.items():
            stored = self.store.get(target, self.now)
            found += stored is not None
            assert stored is None or (stored == item and self.now < then + 100.0)
        assert found == len(self.store)
        assert (self.store.size == 0) == (found == 0)


Model.TestCase.settings = hypothesis_settings(max_examples=60, stateful_step_count=30)
TestModel = Model.TestCase
