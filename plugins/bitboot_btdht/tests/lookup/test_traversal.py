"""The iterative lookup: whom it asks, when it ends, and who cannot fool it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from bitboot_btdht.lookup.candidates import Candidate, State
from bitboot_btdht.lookup.ending import Ending
from bitboot_btdht.lookup.traversal import Traversal
from bitboot_btdht.settings import Settings
from bitboot_btdht.simulation import public_address
from bitboot_btdht.wire.compact import NodeInfo
from bitboot_btdht.wire.node_id import distance

TARGET = b"\0" * 20
OWN = b"\xff" * 20
TELLER, HONEST, LIAR = b"teller", b"honest", b"a liar"


def id_at(number: int) -> bytes:
    """An id at distance `number` from the target."""
    return number.to_bytes(20, "big")


class World:
    """Answers a traversal's questions as a test decides."""

    def __init__(
        self,
        *,
        patient: bool = True,
        dense_below: int = 0,
        hurries: bool = False,
        is_thorough: bool = False,
        **settings: int | None,
    ) -> None:
        self.asked: list[Candidate] = []
        self.ended = 0
        chosen = Settings(**settings)  # type: ignore[arg-type]
        self.traversal = Traversal(
            TARGET,
            own_id=OWN,
            settings=chosen,
            ask=self.asked.append,
            finished=self._finished,
            at_once=chosen.hurried_alpha if hurries else chosen.alpha,
            ending=Ending(
                chosen,
                patient=patient,
                hurries=hurries,
                is_thorough=is_thorough,
                is_too_dense=lambda distance: distance < dense_below,
            ),
        )

    def _finished(self) -> None:
        self.ended += 1

    def storing_nodes(self) -> list[Candidate]:
        return self.traversal.shortlist.storing_nodes(self.traversal.wanted)

    def add(self, *numbers: int) -> None:
        # Private addresses need not fit BEP 42.
        self.traversal.add((id_at(n), bytes((10, n >> 8, n & 255, 1)) + b"\x1a\xe1") for n in numbers)
        self.traversal.advance()

    def answer(self, candidate: Candidate, token: bytes | None = b"t") -> None:
        self.traversal.answered(candidate, candidate.id, token)
        self.traversal.advance()

    def answer_all(self) -> None:
        for candidate in list(self.asked):
            if candidate.state is State.WAITING:
                self.answer(candidate)

    def numbers(self) -> list[int]:
        return [distance(candidate.id, TARGET) for candidate in self.asked]


def test_with_nobody_to_ask_it_ends_at_once() -> None:
    world = World()
    world.traversal.advance()
    assert world.ended == 1


def test_asks_the_closest_first_and_only_alpha_at_once() -> None:
    world = World(alpha=3)
    world.add(50, 10, 40, 20, 30)
    assert world.numbers() == [10, 20, 30]
    world.answer(world.asked[0])
    assert world.numbers() == [10, 20, 30, 40]


def test_turns_to_closer_nodes_as_it_learns_of_them() -> None:
    world = World(alpha=1)
    world.add(100, 200)
    world.traversal.add([(id_at(5), public_address(9))])
    world.answer(world.asked[0])
    assert world.numbers() == [100, 5]


def test_ends_when_the_k_closest_have_answered() -> None:
    world = World(alpha=4, k=3)
    world.add(*range(1, 11))
    world.answer_all()
    assert world.ended == 1
    assert world.numbers() == [1, 2, 3], "no more are asked than it takes"
    assert [distance(c.id, TARGET) for c in world.traversal.answers] == [1, 2, 3]


def test_where_the_k_closest_are_too_close_twice_as_many_are_asked_and_store() -> None:
    world = World(alpha=4, k=3, dense_below=4)
    world.add(*range(1, 11))
    world.answer_all()
    assert world.ended == 0
    world.answer_all()
    assert world.ended == 1
    assert world.numbers() == [1, 2, 3, 4, 5, 6]
    assert [distance(c.id, TARGET) for c in world.storing_nodes()] == [1, 2, 3, 4, 5, 6]


def test_where_they_are_not_too_close_k_are_enough() -> None:
    world = World(alpha=4, k=3, dense_below=3)
    world.add(*range(1, 11))
    world.answer_all()
    assert world.ended == 1
    assert world.numbers() == [1, 2, 3]
    assert len(world.storing_nodes()) == 3


def test_too_many_that_are_slow_or_not_there_do_not_hold_up_a_wider_lookup() -> None:
    world = World(alpha=4, k=3, dense_below=4)
    world.add(1, 2, 3, 4, 5)
    for candidate in world.asked[:3]:
        world.answer(candidate)
    assert world.numbers() == [1, 2, 3, 4, 5]
    world.traversal.slow(world.asked[3])
    world.answer(world.asked[4])
    assert world.ended == 1


def test_nodes_that_have_not_answered_make_no_region_dense() -> None:
    world = World(alpha=8, k=3, dense_below=5)
    world.add(1, 2, 3, 10, 11, 12, 13, 14)
    for candidate in world.asked[:3]:
        world.traversal.failed(candidate)
    world.answer_all()
    assert world.ended == 1
    assert world.traversal.wanted == 3


def test_steps_over_those_that_fail() -> None:
    world = World(alpha=2, k=2)
    world.add(1, 2, 3, 4)
    for candidate in world.asked[:2]:
        world.traversal.failed(candidate)
    world.answer_all()
    assert world.ended == 1
    assert [distance(c.id, TARGET) for c in world.traversal.answers] == [3, 4]


def test_a_slow_node_makes_room_for_another_and_does_not_hold_up_the_end() -> None:
    world = World(alpha=1, k=2)
    world.add(1, 2, 3)
    world.traversal.slow(world.asked[0])
    assert world.numbers() == [1, 2]
    world.answer_all()
    world.answer_all()
    assert world.ended == 1


def test_beside_one_that_is_overdue_others_are_asked_but_it_is_waited_for() -> None:
    world = World(alpha=1, k=2)
    world.add(1, 2, 3)
    world.traversal.overdue(world.asked[0])
    world.answer(world.asked[1])
    assert world.numbers() == [1, 2, 3]
    world.answer(world.asked[2])
    assert not world.traversal.done, "its answer may still come"
    world.answer(world.asked[0])
    assert [distance(c.id, TARGET) for c in world.traversal.answers] == [1, 2, 3]
    assert world.ended == 1


def test_it_ends_when_one_that_was_overdue_is_slow() -> None:
    world = World(alpha=2, k=2)
    world.add(1, 2, 3, 4)
    world.traversal.overdue(world.asked[0])
    for candidate in world.asked[1:3]:
        world.answer(candidate)
    assert world.numbers() == [1, 2, 3]
    assert not world.traversal.done
    world.traversal.slow(world.asked[0])
    assert world.ended == 1


def test_it_goes_wider_while_one_is_overdue() -> None:
    """Its answer would only make it denser."""
    world = World(alpha=8, k=2, dense_below=9)
    world.add(1, 2, 3, 4, 5, 6)
    world.traversal.overdue(world.asked[0])
    for candidate in world.asked[1:3]:
        world.answer(candidate)
    assert world.numbers() == [1, 2, 3, 4, 5]


def test_one_that_is_overdue_beyond_the_closest_is_not_waited_for() -> None:
    world = World(alpha=3, k=2)
    world.add(9)
    world.traversal.overdue(world.asked[0])
    world.add(1, 2)
    world.answer_all()
    assert world.ended == 1


@pytest.mark.parametrize("patient", [True, False])
def test_where_few_answer_the_slow_are_asked_once_more_before_the_end(patient: bool) -> None:
    """As many have answered as are wanted, two of five: datagrams to the closest may have been lost."""
    world = World(patient=patient, hurries=True, hurried_alpha=5, k=2)
    world.add(1, 2, 3, 4, 5)
    for number in range(3):
        world.traversal.slow(world.asked[number])
    for candidate in world.asked[3:]:
        world.answer(candidate)
    if not patient:
        assert (world.numbers(), world.ended) == ([1, 2, 3, 4, 5], 1)
        return
    assert world.numbers() == [1, 2, 3, 4, 5, 1, 2, 3]
    world.answer(world.asked[0])
    world.traversal.slow(world.asked[1])
    assert not world.traversal.done
    world.traversal.slow(world.asked[2])
    assert world.ended == 1, "once more, and no more than that"


def test_in_a_hurry_the_slow_are_asked_once_more_all_at_once() -> None:
    world = World(hurries=True, hurried_alpha=2, k=2)
    world.add(11, 12, 13, 14, 15, 16)
    for number in range(4):
        world.traversal.slow(world.asked[number])
    for candidate in world.asked[4:]:
        world.answer(candidate)
    assert world.numbers() == [11, 12, 13, 14, 15, 16, 11, 12, 13, 14]
    world.add(1, 2)
    assert len(world.asked) == 10, "more than two are under way: others wait until there is room"
    for number in range(3):
        world.traversal.slow(world.asked[number])
    assert world.numbers()[10:] == [1]


@pytest.mark.parametrize(
    ("hurries", "is_thorough", "again"),
    [(False, False, 0), (False, True, 0), (True, False, 0), (True, True, 2)],
)
def test_where_half_answer_nobody_is_asked_again_unless_all_of_the_closest_are_to_be_found_in_a_hurry(
    hurries: bool, is_thorough: bool, again: int
) -> None:
    world = World(alpha=4, hurried_alpha=4, k=2, hurries=hurries, is_thorough=is_thorough)
    world.add(1, 2, 3, 4)
    for candidate in list(world.asked):
        world.traversal.slow(candidate)
    for candidate in world.asked[2:]:
        world.answer(candidate)
    assert world.numbers() == [1, 2, 3, 4, 1, 2][: 4 + again]
    assert world.ended == (not again)
    for candidate in world.asked[4:]:
        world.traversal.slow(candidate)
    assert (len(world.asked), world.ended) == (4 + again, 1)


def test_a_node_that_has_to_be_asked_later_makes_room_for_others_and_is_waited_for() -> None:
    world = World(alpha=1, k=3)
    world.add(1, 2, 3, 4)
    world.traversal.held(world.asked[0])
    assert world.numbers() == [1, 2]
    world.traversal.held(world.asked[1])
    assert world.numbers() == [1, 2, 3]
    world.answer(world.asked[2])
    assert world.numbers() == [1, 2, 3], "the closest are asked already"
    world.answer(world.asked[0])
    assert world.ended == 0
    world.traversal.slow(world.asked[1])
    assert world.numbers() == [1, 2, 3, 4], "it was asked at last, and is slow like any other"
    world.answer(world.asked[3])
    assert world.ended == 1


def test_a_late_answer_still_counts() -> None:
    world = World(alpha=1, k=2)
    world.add(1, 2, 3)
    world.traversal.slow(world.asked[0])
    world.answer(world.asked[0])
    world.answer(world.asked[1])
    assert world.ended == 1
    assert [distance(c.id, TARGET) for c in world.traversal.answers] == [1, 2]


@pytest.mark.parametrize("patient", [True, False])
def test_with_few_answers_it_waits_for_the_slow_only_if_patient(patient: bool) -> None:
    world = World(patient=patient)
    world.add(1, 2)
    world.answer(world.asked[1])
    world.traversal.slow(world.asked[0])
    assert world.ended == (0 if patient else 1)
    if patient:
        world.traversal.failed(world.asked[0])
    assert world.ended == 1


def test_a_node_counts_under_the_id_that_it_answers_with() -> None:
    """It may have taken a new one since we were told of it (BEP 42 asks it to, at a new address)."""
    world = World(alpha=1, k=2)
    world.add(1, 5)
    assert world.traversal.answered(world.asked[0], id_at(9), b"t")
    world.traversal.advance()
    world.answer(world.asked[1])
    assert world.ended == 1
    assert [distance(c.id, TARGET) for c in world.traversal.answers] == [5, 9]


def test_a_node_that_answers_under_our_own_id_counts_for_nothing() -> None:
    world = World(alpha=2)
    world.add(1, 5)
    assert not world.traversal.answered(world.asked[0], OWN, b"t")
    world.answer(world.asked[1])
    assert world.ended == 1
    assert [distance(c.id, TARGET) for c in world.traversal.answers] == [5]


def test_an_id_that_is_claimed_elsewhere_does_not_shut_out_who_has_it() -> None:
    """One liar that names honest nodes' ids at wrong addresses blinded one lookup in five."""
    world = World(alpha=3, k=2)
    bogus, honest = b"\x0a\1\1\1\1\1", b"\x0a\2\2\2\1\1"
    world.traversal.add([(id_at(5), bogus)], teller=LIAR)
    world.traversal.add([(id_at(5), honest)], teller=b"another")
    world.add(7)
    assert world.traversal.answered(world.asked[0], id_at(5), b"t")
    assert world.traversal.answered(world.asked[1], id_at(5), b"t"), "whoever answered first as somebody else"
    assert [c.address for c in world.traversal.answers] == [bogus, honest]


def test_our_own_id_and_repeats_are_not_asked() -> None:
    world = World(alpha=10)
    address = public_address(1)
    world.traversal.add([(OWN, public_address(2)), (id_at(1), address), (id_at(2), address)])
    world.traversal.advance()
    assert world.numbers() == [1]


def test_a_subnet_counts_a_few_times_and_no_more() -> None:
    world = World(alpha=100, nodes_per_subnet=3)
    neighbours = [(id_at(n), bytes((20, 1, 1, n)) + b"\1\1") for n in range(1, 100)]
    world.traversal.add(neighbours)
    world.traversal.advance()
    assert len(world.asked) == 3


def test_dead_neighbours_free_their_share_of_the_subnet() -> None:
    world = World(alpha=100, nodes_per_subnet=1)
    first, second = (bytes((20, 1, 1, n)) + b"\1\1" for n in (1, 2))
    world.traversal.add([(id_at(1), first), (id_at(2), second), (id_at(9), public_address(9))])
    world.traversal.advance()
    assert world.numbers() == [1, 9]
    world.traversal.failed(world.asked[0])
    world.traversal.add([(id_at(2), second)])
    world.traversal.advance()
    assert world.numbers() == [1, 9, 2]


def test_invented_nodes_cost_a_bounded_number_of_queries() -> None:
    world = World(k=8, alpha=4, nodes_per_subnet=None)
    invented = 0
    world.add(60_000)
    for candidate in world.asked:  # grows while we go: each of them tells of 16 closer ones
        world.traversal.answered(candidate, candidate.id, b"t")
        base = distance(candidate.id, TARGET) - 17
        world.traversal.add((id_at(base + n), public_address(invented + n)) for n in range(16) if base > 0)
        invented += 16
        world.traversal.advance()
    assert world.ended == 1
    assert world.traversal.queries <= Settings().max_queries_per_lookup
    assert len(world.traversal.shortlist.nearest) <= Settings().max_candidates


def add_and_advance(traversal: Traversal, nodes: list[NodeInfo]) -> None:
    traversal.add(nodes)
    traversal.advance()


@pytest.mark.parametrize("begin", [add_and_advance, Traversal.begin])
def test_asking_that_fails_at_once_is_no_trouble(begin: Callable[[Traversal, list[NodeInfo]], None]) -> None:
    asked = []

    def refuse(candidate: Candidate) -> None:
        asked.append(candidate)
        traversal.failed(candidate)

    ended: list[bool] = []
    traversal = Traversal(
        TARGET,
        own_id=OWN,
        settings=Settings(),
        ask=refuse,
        finished=lambda: ended.append(True),
        at_once=3,
        ending=Ending(Settings()),
    )
    begin(traversal, [(id_at(n), bytes((10, n, 1, 1, 1, 1))) for n in range(1, 20)])
    assert ended == [True]
    assert len(asked) == len(set(asked)) == 19


def test_the_nearest_is_asked_before_it_is_known_who_comes_next() -> None:
    world = World(alpha=3)
    when: list[int] = []

    def nodes() -> Iterator[NodeInfo]:
        for number in range(1, 6):
            when.append(len(world.asked))
            yield id_at(number), bytes((10, number, 1, 1, 1, 1))

    world.traversal.begin(nodes())
    assert when == [0, 1, 1, 1, 1]
    assert [candidate.distance for candidate in world.asked] == [1, 2, 3]


def test_cancelled_it_asks_nobody_and_calls_nobody() -> None:
    world = World(alpha=1)
    world.add(1, 2)
    world.traversal.cancel()
    world.answer(world.asked[0])
    assert (len(world.asked), world.ended) == (1, 0)


def test_ids_that_do_not_fit_their_address_do_not_end_a_lookup() -> None:
    """BEP 42, "Enforcement": they are asked, but the k that count are others."""
    world = World(alpha=1, k=2)
    world.traversal.add((id_at(n), public_address(n)) for n in range(1, 4))  # public: do not fit
    world.add(100, 101)
    while not world.ended:
        world.answer_all()
    assert world.numbers() == [1, 2, 3, 100, 101]


def test_storing_nodes_are_the_closest_of_all_and_the_closest_that_fit() -> None:
    """BEP 42: announce to others too, "as long as they also announce to the closest set" that fit."""
    world = World(alpha=1, k=2)
    world.traversal.add((id_at(n), public_address(n)) for n in range(1, 4))
    world.add(100, 101, 102)
    while not world.ended:
        world.answer_all()
    assert [distance(c.id, TARGET) for c in world.storing_nodes()] == [1, 2, 100, 101]


def test_without_a_token_a_node_is_nowhere_to_store() -> None:
    world = World(alpha=8)
    world.add(1, 2)
    world.answer(world.asked[0], token=None)
    world.answer(world.asked[1])
    assert [distance(c.id, TARGET) for c in world.storing_nodes()] == [2]


# What liars tell of


def test_of_ids_that_do_not_fit_only_2k_are_asked() -> None:
    """Each costs nothing to invent, right beside the target."""
    world = World(alpha=100, k=4)
    world.traversal.add((id_at(n), public_address(n)) for n in range(1, 50))
    world.add(*range(1000, 1004))
    assert world.numbers() == [1, 2, 3, 4, 5, 6, 7, 8, 1000, 1001, 1002, 1003]
    for candidate in world.asked[:8]:
        world.traversal.silent(candidate)
        world.traversal.silent(candidate)
    world.answer_all()
    assert world.ended == 1


def tell(world: World, teller: bytes, *numbers: int) -> None:
    """Somebody tells of nodes with ids that fit."""
    for n in numbers:
        address = bytes((10, n >> 8, n & 255, 1)) + b"\x1a\xe1"
        world.traversal.add(world.traversal.shortlist.unknown(id_at(n) + address, teller), teller)
    world.traversal.advance()


def test_who_tells_of_silent_nodes_only_is_listened_to_no_more() -> None:
    world = World(alpha=3, k=4)
    tell(world, LIAR, *range(1, 100))
    tell(world, HONEST, 200, 201, 202, 203)
    while not world.ended:
        for candidate in world.asked:
            if candidate.state is State.WAITING and distance(candidate.id, TARGET) >= 200:
                world.answer(candidate)
            elif candidate.state is State.WAITING:
                world.traversal.slow(candidate)
    assert len([number for number in world.numbers() if number < 100]) <= 6 + 3
    assert [distance(c.id, TARGET) for c in world.traversal.answers] == [200, 201, 202, 203]


def test_who_is_told_of_by_another_as_well_is_asked_all_the_same() -> None:
    world = World(alpha=1, k=2)
    tell(world, LIAR, *range(1, 20))
    for candidate in world.asked[:]:
        world.traversal.slow(candidate)
    for _ in range(5):
        world.traversal.slow(world.asked[-1])
    assert world.numbers() == [1, 2, 3, 4, 5, 6, 7], "now the liar is doubted"
    tell(world, HONEST, 15)
    world.traversal.slow(world.asked[-1])
    assert world.numbers()[-1] == 15


def test_an_answer_after_all_is_made_up_for() -> None:
    world = World(alpha=1, k=4)
    tell(world, TELLER, *range(1, 20))
    for _ in range(6):
        world.traversal.slow(world.asked[-1])
    assert len(world.asked) == 7
    for candidate in world.asked[:3]:
        world.answer(candidate)
    world.traversal.slow(world.asked[6])
    assert world.numbers()[-1] == 8, "three of seven answered: it is not doubted any more"


@pytest.mark.parametrize("patient", [True, False])
def test_where_nobody_else_is_left_those_of_a_doubtful_teller_are_asked(patient: bool) -> None:
    world = World(alpha=1, k=8, patient=patient)
    tell(world, TELLER, *range(1, 12))
    for _ in range(11):
        candidate = world.asked[-1]
        world.traversal.slow(candidate)
    assert world.numbers() == list(range(1, 12))


def test_the_closest_are_kept_in_mind_and_the_farthest_forgotten() -> None:
    world = World(alpha=1, k=2, max_candidates=4, nodes_per_subnet=None)
    world.add(100, 90, 80, 70)
    world.add(1000)
    world.add(10)
    assert [c.distance for c in world.traversal.shortlist.nearest] == [10, 70, 80, 90]
    forgotten = (id_at(100), bytes((10, 0, 100, 1)) + b"\x1a\xe1")
    assert world.traversal.shortlist.unknown(b"".join(forgotten), TELLER) == [forgotten]


def test_a_node_that_is_nearer_than_the_farthest_alone_takes_its_place() -> None:
    world = World(alpha=4, k=2, max_candidates=4, nodes_per_subnet=None)
    world.add(100, 80, 70, 60)
    world.add(90)
    assert [c.distance for c in world.traversal.shortlist.nearest] == [60, 70, 80, 90]


def test_who_is_forgotten_frees_one_share_of_its_subnet() -> None:
    world = World(alpha=1, max_candidates=6, nodes_per_subnet=3)

    def neighbours(*numbers: int) -> None:
        world.traversal.add((id_at(n), bytes((20, 1, 1, n & 255)) + b"\x1a\xe1") for n in numbers)

    neighbours(30, 31, 300)
    world.traversal.add((id_at(n), public_address(n)) for n in (200, 201, 202))
    world.traversal.add([(id_at(10), public_address(10))])
    neighbours(32, 33)
    assert [c.distance for c in world.traversal.shortlist.nearest] == [10, 30, 31, 32, 200, 201]


@pytest.mark.parametrize("outcome", ["answered", "failed"])
def test_a_closer_node_is_never_refused(outcome: str) -> None:
    """Not even where the farthest has answered or failed: these are forgotten too."""
    world = World(alpha=4, k=4, max_candidates=4, nodes_per_subnet=None)
    world.add(100, 90, 80, 70)
    assert world.numbers() == [70, 80, 90, 100]
    for candidate in world.asked[1:]:
        if outcome == "answered":
            world.traversal.answered(candidate, candidate.id, b"t")
        else:
            world.traversal.failed(candidate)
    world.add(1, 2, 3)
    assert [c.distance for c in world.traversal.shortlist.nearest] == [1, 2, 3, 70]


def test_who_may_yet_answer_is_kept_beside_the_closest() -> None:
    world = World(alpha=4, k=4, max_candidates=4, nodes_per_subnet=None)
    world.add(100, 90, 80, 70)
    world.add(1)
    assert [c.distance for c in world.traversal.shortlist.nearest] == [1, 70, 80, 90, 100]
    world.answer(world.asked[0])
    assert [c.distance for c in world.traversal.answers][-1] == 70


def test_the_farthest_of_those_who_are_not_asked_makes_room() -> None:
    world = World(alpha=1, k=2, max_candidates=4, nodes_per_subnet=None)
    world.add(100)
    world.add(90, 80, 70)
    world.add(1)
    assert [c.distance for c in world.traversal.shortlist.nearest] == [1, 70, 80, 100], "100 may yet answer"
