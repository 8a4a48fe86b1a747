"""Queries under way: matched, called slow, given up, and never too many."""

from __future__ import annotations

import itertools
import math
import random
from functools import partial

import pytest
from bitboot_btdht.asking.transaction import Asked, Outcome, Transaction
from bitboot_btdht.asking.transactions import HURRIED, Transactions
from bitboot_btdht.asking.window import Kind, Window
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
from bitboot_btdht.wire import bencode, krpc

from ..building import IS_COMPILED, only_interpreted

ADDRESS = public_address(1)


class World:
    """Transactions, and what they do."""

    def __init__(self, rng: random.Random | None = None, **settings: int) -> None:
        self.sent: list[tuple[bytes, bytes]] = []
        self.outcomes: list[Outcome] = []
        self.slow = 0
        self.late: list[tuple[bytes, float]] = []
        self.now = 0.0
        self.transactions = Transactions(
            Settings(**settings),
            rng or random.Random(1),
            lambda datagram, address: self.sent.append((datagram, address)),
            lambda transaction, outcome, round_trip: transaction.settle(outcome),
            lambda message, address, round_trip: self.late.append((address, round_trip)),
        )

    def send(self, address: bytes = ADDRESS) -> bool:
        return self.ask(Asked(address, b"ping", {}, self.outcomes.append, on_slow=self._slow))

    def ask(self, transaction: Transaction) -> bool:
        return self.transactions.send(transaction, b"x" * 20, self.now)

    def _slow(self) -> None:
        self.slow += 1

    def answer(self, number: int = -1, address: bytes | None = None) -> bool:
        datagram, target = self.sent[number]
        reply = krpc.Response(bencode.decode(datagram)[b"t"], b"y" * 20, {}, None)
        return self.transactions.receive(reply, address or target, self.now)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.transactions.poll(self.now)


def test_an_answer_reaches_whoever_asked_and_only_once() -> None:
    world = World()
    assert world.send()
    assert world.answer()
    assert not world.answer()
    assert [type(outcome) for outcome in world.outcomes] == [krpc.Response]
    assert len(world.transactions) == 0


def test_an_answer_from_elsewhere_is_nobodys() -> None:
    world = World()
    world.send()
    assert not world.answer(address=public_address(2))
    assert not world.answer(address=ADDRESS[:4] + b"\0\1")
    assert world.outcomes == []
    assert len(world.transactions) == 1


def test_every_query_ends_slow_first_and_then_given_up() -> None:
    world = World()
    world.send()
    world.wait(world.transactions.round_trips.slow)
    assert (world.slow, world.outcomes) == (1, [])
    world.wait(world.transactions.round_trips.timeout)
    assert (world.slow, world.outcomes) == (1, [None])
    assert world.transactions.deadline() == math.inf


class Watched(Transaction):
    """One of a lookup in a hurry."""

    __slots__ = ("told",)

    def __init__(self) -> None:
        super().__init__(ADDRESS, b"ping", {}, is_watched=True)
        self.told: list[str] = []

    def overdue(self) -> None:
        self.told.append("overdue")

    def slow(self) -> None:
        self.told.append("slow")

    def settle(self, outcome: Outcome) -> None:
        self.told.append("over")


@pytest.mark.skipif(IS_COMPILED, reason="what is compiled can be extended only by what is, too")
def test_a_query_is_overdue_before_it_is_slow_and_only_once() -> None:
    world, watched = World(), Watched()
    world.ask(watched)
    mark, slow = world.transactions.patience.mark, world.transactions.round_trips.above_mean(HURRIED)
    assert mark < slow
    assert world.transactions.deadline() == mark
    world.wait(mark)
    assert watched.told == ["overdue"]
    world.wait(slow - mark)
    assert watched.told == ["overdue", "slow"]
    world.wait(world.transactions.round_trips.timeout)
    assert watched.told == ["overdue", "slow", "over"]


@pytest.mark.skipif(IS_COMPILED, reason="what is compiled can be extended only by what is, too")
def test_it_is_slow_soon_whatever_the_last_answers_took() -> None:
    world, watched = World(), Watched()
    for _ in range(2):
        world.transactions.round_trips.add(5.0)
    assert world.transactions.round_trips.above_mean(HURRIED) == Settings().slow_ceiling
    world.ask(watched)
    world.wait(Settings().hurried_slow_ceiling - 0.001)
    assert watched.told == ["overdue"]
    world.wait(0.002)
    assert watched.told == ["overdue", "slow"]


def test_which_share_is_not_answered_is_learnt_from_queries_of_lookups_alone() -> None:
    """Contacts that are pinged have answered before: among them few are gone."""
    world = World()
    guess = world.transactions.losses.share
    for answers, in_a_lookup in (True, False), (False, False):
        world.ask(Transaction(ADDRESS, b"ping", {}, is_counted=in_a_lookup))
        world.answer() if answers else world.wait(20)
    assert world.transactions.losses.share == guess
    world.send()
    world.answer()
    assert world.transactions.losses.share < guess
    world.send()
    for _ in range(3):
        world.wait(20)
    assert world.transactions.losses.share > guess - 0.05


def test_answers_say_when_the_next_query_is_overdue() -> None:
    world = World()
    before = world.transactions.patience.mark
    world.send()
    world.wait(2 * before)
    world.answer()
    assert world.transactions.patience.mark > before


def test_a_late_answer_still_counts_until_the_query_is_given_up() -> None:
    world = World()
    world.send()
    world.wait(world.transactions.round_trips.slow)
    assert world.answer()
    assert len(world.outcomes) == 1
    world.wait(60)
    assert len(world.outcomes) == 1


def test_an_answer_to_what_was_given_up_teaches_how_long_to_wait() -> None:
    world = World()
    world.send()
    while not world.outcomes:
        world.wait(0.5)
    assert world.transactions.round_trips.timeout < 5.0
    world.now = 5.0
    assert not world.answer(address=public_address(2)), "of somebody else"
    assert world.answer()
    assert world.late == [(ADDRESS, 5.0)]
    assert world.outcomes == [None], "whoever asked has heard"
    assert world.transactions.round_trips.timeout > 10.0
    assert not world.answer(), "it counts once"


def test_an_answer_that_is_far_too_late_teaches_nothing() -> None:
    world = World()
    world.send()
    while not world.outcomes:
        world.wait(0.5)
    world.now = 31.0
    assert not world.answer()
    assert world.transactions.round_trips.mean == 0.0


def test_what_was_given_up_is_remembered_within_bounds() -> None:
    world = World(max_transactions=4)
    for number in range(20):
        world.send(public_address(number))
    while len(world.outcomes) < 20:
        world.wait(0.5)
    assert [world.answer(number) for number in range(20)].count(True) == 4


def test_too_many_wait_in_line_and_all_have_their_turn() -> None:
    world = World(max_transactions=4)
    for number in range(20):
        assert world.send(public_address(number))
    assert len(world.sent) == 4
    while len(world.outcomes) < 20:
        assert world.answer(len(world.outcomes))
        assert len(world.sent) - len(world.outcomes) <= 4
    assert len(world.transactions) == 0


def test_the_line_has_an_end() -> None:
    world = World(max_transactions=2)
    accepted = sum(world.send(public_address(number)) for number in range(100))
    assert accepted == 2 + 16
    world.wait(1)
    for _ in range(200):
        world.wait(5)
    assert len(world.outcomes) == accepted


def test_one_node_is_asked_so_often_and_the_rest_waits_its_turn() -> None:
    """Whatever the number: nothing is dropped."""
    world = World()
    assert all(world.send() for _ in range(200))
    assert len(world.sent) == 18
    assert world.transactions.is_waiting(ADDRESS)
    assert not world.transactions.is_waiting(public_address(2))
    assert world.send(public_address(2)), "others are not affected"
    assert len(world.sent) == 19
    while len(world.transactions):
        deadline = world.transactions.deadline()
        assert world.now < deadline < math.inf, "time goes on"
        world.wait(deadline - world.now)
        assert len(world.sent) <= 1 + 32 * (1 + world.now // 10)
    assert len(world.sent) == 201
    assert len(world.outcomes) == 201


def looks_each(count: int, monkeypatch: pytest.MonkeyPatch) -> float:
    """How often it is looked whether a node may be sent one more, for each of so many queries to one."""
    looks, free_at = 0, Window.free_at

    def counted(window: Window, address: bytes, kind: Kind, now: float) -> float:
        nonlocal looks
        looks += 1
        return free_at(window, address, kind, now)

    with monkeypatch.context() as patch:
        patch.setattr(Window, "free_at", counted)
        world = World()
        assert all(world.send() for _ in range(count))
        while len(world.transactions):
            deadline = world.transactions.deadline()
            assert deadline < math.inf
            world.wait(deadline - world.now)
        assert len(world.outcomes) == count
    return looks / count


@only_interpreted
def test_however_many_wait_for_one_node_each_is_looked_at_when_its_turn_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert looks_each(2000, monkeypatch) <= 1.1 * looks_each(200, monkeypatch)


def test_none_of_those_who_wait_for_one_node_is_lost_while_too_many_are_under_way() -> None:
    world = World(max_transactions=19)
    for _ in range(30):
        world.send()
    for number in range(20):  # of which one is under way at once, and the others wait in line
        world.send(public_address(2 + number))
    assert [len(world.sent), world.transactions.is_waiting(ADDRESS)] == [19, True]
    world.now = 3.0  # the first share of one node is long gone: it may be sent 14 more
    for number in range(18):
        world.answer(number)
    world.transactions.poll(world.now)
    while len(world.transactions):
        world.wait(0.5)
    to_first = [index for index, (_, address) in enumerate(world.sent) if address == ADDRESS]
    assert len(to_first) == 30
    assert len(world.outcomes) == 50


def test_what_nobody_wants_any_more_is_not_sent() -> None:
    world = World()
    wanted = [True] * 100
    for number in range(100):
        world.ask(
            Asked(ADDRESS, b"ping", {}, world.outcomes.append, wanted=partial(wanted.__getitem__, number))
        )
    wanted[40:] = [False] * 60
    for _ in range(20):
        world.wait(3)
    assert len(world.sent) == 40
    assert len(world.transactions) == 0


@pytest.mark.parametrize("rng", [random.Random(1), random.SystemRandom()])
def test_transaction_ids_differ_and_are_hard_to_guess(rng: random.Random) -> None:
    world = World(rng, messages_per_10s_per_node=10_000, max_transactions=1000)
    for _ in range(500):
        world.send()
    ids = [bencode.decode(datagram)[b"t"] for datagram, _ in world.sent]
    assert len(set(ids)) == 500
    assert all(len(id_) == 4 for id_ in ids)
    steps = {int.from_bytes(b) - int.from_bytes(a) for a, b in itertools.pairwise(ids)}
    assert len(steps) > 490


def test_whoever_is_silent_three_times_while_others_answer_is_dead() -> None:
    world = World()
    dead, alive = public_address(1), public_address(2)
    for _ in range(3):
        assert not world.transactions.dead.contains(dead, world.now)
        world.send(dead)
        world.send(alive)
        world.answer()
        for _ in range(3):
            world.wait(5)
    assert world.transactions.dead.contains(dead, world.now)
    assert not world.transactions.dead.contains(alive, world.now)


def test_while_nobody_answers_nobody_is_dead() -> None:
    world = World()
    for _ in range(3):
        world.send()
        for _ in range(3):
            world.wait(5)
    assert world.outcomes == [None] * 3
    assert not world.transactions.dead.contains(ADDRESS, world.now)
