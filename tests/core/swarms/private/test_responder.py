"""The side that answers: members, and nobody else, whatever they send."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from bitboot_core import Identity, KnownHost
from bitboot_core._swarms.private.epochs import EPOCH, Epochs
from bitboot_core._swarms.private.half_open import KEPT, MAX_HALF_OPEN, PER_SOURCE
from bitboot_core._swarms.private.introduction import MAX_REQUEST, Introduction
from bitboot_core._swarms.private.noise import Handshake, NoiseError
from bitboot_core._swarms.private.prepared import Prepared
from bitboot_core._swarms.private.record import BadRecord, write_record
from bitboot_core._swarms.private.responder import REFUSED_PER_SECOND, Responder
from bitboot_core._swarms.private.roster import Roster
from bitboot_core._swarms.private.session import Kind, Session

TIME = 1_800_000_000.0
EPOCHS = Epochs("unique_network", bytes(range(32)))
OTHERS = Epochs("unique_network", bytes(32))
HERE, THERE = KnownHost("192.0.2.1", 1), KnownHost("192.0.2.2", 2)


class Node:
    """One member, without a network."""

    def __init__(self, name: str, epochs: Epochs = EPOCHS, data: bytes = b"") -> None:
        self.identity = Identity.from_seed(name.encode().ljust(32))
        self.static = X25519PrivateKey.generate()
        self.record = write_record(
            self.identity, self.static.public_key().public_bytes_raw(), [KnownHost("", 7001)], data
        )
        self.epochs, self.roster = epochs, Roster(epochs)
        self.expected: set[KnownHost] = set()
        self.refused: set[bytes] = set()
        self.proved: list[Session] = []
        self.messages: list[bytes] = []
        self.room = 1000
        self.responder = Responder(
            epochs,
            self.roster,
            self.static,
            record=lambda: self.record,
            admits=lambda member: member not in self.refused,
            expects=lambda source: source in self.expected,
            proved=self.proved.append,
            deliver=self._deliver,
        )

    def _deliver(self, session: Session, message: bytes) -> bool:
        if len(self.messages) >= self.room:
            return False
        self.messages.append(message)
        return True

    def ask(
        self, request: bytes, source: KnownHost = HERE, now: float = 0.0, time: float = TIME
    ) -> bytes | None:
        return self.responder.answer(source, request, now, time)

    def begin(self, time: float = TIME) -> Introduction:
        return Introduction(self.epochs.keys(self.epochs.at(time)), Prepared(self.static, initiates=True))


def admit_all(member: bytes) -> bool:
    return True


def meet(one: Node, other: Node, source: KnownHost = HERE) -> tuple[Session, Session]:
    """A whole handshake: the session of each."""
    begun = one.begin()
    second = other.ask(begun.first, source)
    assert second is not None
    last = other.ask(begun.third(second, one.record, admit_all), source)
    assert last is not None
    return begun.session(last, THERE, 0.0), other.proved[-1]


@pytest.fixture
def ada() -> Node:
    return Node("ada", data=b"of ada")


@pytest.fixture
def bob() -> Node:
    return Node("bob", data=b"of bob")


def test_two_members_know_each_other(ada: Node, bob: Node) -> None:
    hers, his = meet(ada, bob)
    assert hers.member == bob.identity.public_key
    assert his.member == ada.identity.public_key
    assert (hers.record.data, his.record.data) == (b"of bob", b"of ada")
    assert his.endpoint == HERE
    assert hers.id == his.id
    assert bob.roster.find(his.id) is his
    (ended,) = bob.responder._half_open.of(HERE, 0.0)
    assert ended.handshake is None  # only its messages are kept, to be repeated


@pytest.mark.parametrize("apart", [-EPOCH, 0, EPOCH])
def test_neighbouring_epochs_are_understood_and_no_others(ada: Node, bob: Node, apart: int) -> None:
    assert bob.ask(ada.begin(TIME + apart).first) is not None
    assert bob.ask(ada.begin(TIME + 2 * (apart or EPOCH)).first) is None


def test_whatever_an_outsider_sends_gets_no_answer(bob: Node) -> None:
    """Among it what it knows of: the pattern, the keys, the lengths, what members said, another swarm's."""
    outsider, ada, eve = Node("eve", OTHERS), Node("ada"), Node("eve")
    begun = ada.begin()
    second = bob.ask(begun.first)
    assert second is not None
    third = begun.third(second, ada.record, admit_all)
    heard = [begun.first, second, third, eve.begin().first[:32] + begun.first[32:]]
    chance = random.Random(1)
    fresh = Node("bob")

    def probes() -> Iterator[bytes]:
        yield outsider.begin().first
        for said in heard[1:]:
            yield said
        for length in (0, 1, 8, 16, 31, 32, 47, 48, 49, 1000, 1001, 5000):
            yield bytes(length)
        for said in heard:
            for _ in range(40):
                noisy = bytearray(said)
                noisy[chance.randrange(len(said))] ^= 1 << chance.randrange(8)
                yield bytes(noisy[: chance.choice([len(said), 50, 200])])
        for _ in range(1000):
            yield chance.randbytes(chance.randint(0, 1000))

    now = 0.0
    for number, probe in enumerate(probes()):
        now += 1.0
        assert fresh.ask(probe, KnownHost("198.51.100.1", number + 1), now) is None, number
    assert fresh.responder.half_open == 0
    assert not fresh.proved


def test_the_first_message_proves_nothing_yet(ada: Node, bob: Node) -> None:
    bob.ask(ada.begin().first)
    assert not bob.proved
    assert bob.responder.half_open == 1


def test_a_replayed_first_message_gains_nothing(ada: Node, bob: Node) -> None:
    begun = ada.begin()
    second = bob.ask(begun.first)
    assert second is not None
    assert len(second) <= len(begun.first) == MAX_REQUEST
    assert bob.ask(begun.first) == second  # a repetition, where the answer was lost
    assert bob.ask(begun.first, THERE) is None
    assert bob.ask(begun.first[:-1] + bytes([begun.first[-1] ^ 1])) is None
    assert bob.responder.half_open == 1
    assert not bob.proved


def test_a_replayed_third_message_makes_no_second_session(ada: Node, bob: Node) -> None:
    begun = ada.begin()
    second = bob.ask(begun.first)
    assert second is not None
    third = begun.third(second, ada.record, admit_all)
    last = bob.ask(third)
    assert last is not None
    assert bob.ask(third) == last  # a repetition
    assert bob.ask(third, THERE) is None
    assert len(bob.proved) == 1


def test_nobody_can_pass_for_another(ada: Node, bob: Node) -> None:
    """Eve is a member, and says what Ada signed."""
    eve = Node("eve")
    eve.record = ada.record
    begun = eve.begin()
    second = bob.ask(begun.first)
    assert second is not None
    assert bob.ask(begun.third(second, eve.record, admit_all)) is None
    assert not bob.proved

    back = bob.begin()
    answer = eve.ask(back.first)
    assert answer is not None
    with pytest.raises(BadRecord):
        back.third(answer, bob.record, admit_all)


def test_who_is_not_admitted_is_not_answered(ada: Node, bob: Node) -> None:
    bob.refused.add(ada.identity.public_key)
    begun = ada.begin()
    second = bob.ask(begun.first)
    assert second is not None
    assert bob.ask(begun.third(second, ada.record, admit_all)) is None
    back = bob.begin()
    answer = ada.ask(back.first)
    assert answer is not None
    with pytest.raises(NoiseError, match="not admitted"):
        back.third(answer, bob.record, lambda member: member not in bob.refused)


def test_an_answer_is_never_longer_than_its_request(bob: Node) -> None:
    """A member that sends a short first message gets none, where its answer would be longer."""
    node = Node("ada")
    keys = EPOCHS.keys(EPOCHS.at(TIME))
    for length, is_answered in ((0, False), (100, False), (400, True)):
        short = Handshake(initiates=True, static=node.static, prologue=keys.prologue, psks=[keys.psk])
        request = short.write(bytes(length))
        answer = bob.ask(request, KnownHost("192.0.2.9", length + 1))
        assert (answer is not None) is is_answered
        assert answer is None or len(answer) <= len(request)


# Floods


@pytest.mark.once
def test_a_flood_of_handshakes_flushes_nobody_else_s(ada: Node, bob: Node) -> None:
    begun = ada.begin()
    second = bob.ask(begun.first, HERE)
    assert second is not None
    eve = Node("eve")
    now = 1.0
    for number in range(MAX_HALF_OPEN + 200):
        now += 0.02  # within what is answered
        bob.ask(eve.begin().first, KnownHost(f"203.0.113.{number % 250}", 1 + number), now)
        assert bob.responder.half_open <= MAX_HALF_OPEN
    assert bob.responder.half_open == MAX_HALF_OPEN
    assert bob.ask(begun.third(second, ada.record, admit_all), HERE, 1.0) is not None


def test_one_source_has_few_at_a_time(bob: Node) -> None:
    eve = Node("eve")
    for _ in range(3 * PER_SOURCE):
        bob.ask(eve.begin().first)
    assert bob.responder.half_open == PER_SOURCE


def test_nobody_is_waited_for_for_ever(ada: Node, bob: Node) -> None:
    begun = ada.begin()
    second = bob.ask(begun.first)
    assert second is not None
    assert bob.ask(begun.third(second, ada.record, admit_all), HERE, KEPT + 1) is None
    assert not bob.proved


def counted(bob: Node, probes: int, source: Callable[[int], KnownHost]) -> int:
    """How many of so many first messages, all within a second, were tried on the keys."""
    tried = 0
    opened_under = bob.responder._opened_under

    def counting(request: bytes, time: float) -> object:
        nonlocal tried
        tried += 1
        return opened_under(request, time)

    bob.responder._opened_under = counting  # type: ignore[method-assign, assignment]
    junk = [bytes([number]) * 1000 for number in range(100)]
    for number in range(probes):
        assert bob.ask(junk[number % 100], source(number), number / probes) is None
    return tried


def spread(number: int) -> KnownHost:
    return KnownHost(f"{11 + number % 80}.{number // 7 % 256}.{number // 80 % 256}.1", 1 + number % 60000)


@pytest.mark.once
def test_messages_that_open_under_no_key_cost_little(bob: Node) -> None:
    """Of 10,000 in a second only so many are tried, and of one source far fewer."""
    assert counted(bob, 10_000, spread) <= 2 * REFUSED_PER_SECOND + 1
    assert counted(Node("bob"), 10_000, lambda number: KnownHost("198.51.100.1", number + 1)) <= 250


@pytest.mark.once
def test_whoever_is_claimed_to_be_there_is_heard_in_a_flood(ada: Node, bob: Node) -> None:
    counted(bob, 10_000, spread)
    for number in range(5):
        bob.ask(bytes(1000), spread(number), 1.0)
    assert bob.ask(ada.begin().first, HERE, 1.0) is None
    bob.expected.add(HERE)
    assert bob.ask(ada.begin().first, HERE, 1.0) is not None


# Sessions


def test_messages_come_once(ada: Node, bob: Node) -> None:
    hers, _ = meet(ada, bob)
    request, counter = hers.request(Kind.MESSAGE, b"x" * 900)
    assert len(request) <= MAX_REQUEST
    answer = bob.ask(request)
    assert answer is not None
    assert len(answer) <= len(request)
    hers.check_answer(answer, counter, 5.0)
    assert hers.heard == 5.0
    again = bob.ask(request)  # a repetition, or a replay: acknowledged, not delivered
    assert again is not None
    hers.check_answer(again, counter, 6.0)
    assert bob.messages == [b"x" * 900]


def test_messages_go_both_ways_and_in_any_order(ada: Node, bob: Node) -> None:
    hers, his = meet(ada, bob)
    ada.roster.add(hers)
    sent = [his.request(Kind.MESSAGE, b"%d" % number) for number in range(20)]
    random.Random(3).shuffle(sent)
    for request, counter in sent:
        answer = ada.ask(request, THERE)
        assert answer is not None
        his.check_answer(answer, counter, 1.0)
    assert sorted(map(int, ada.messages)) == list(range(20))
    mine, _ = hers.request(Kind.MESSAGE, b"back")
    assert bob.ask(mine) is not None
    assert bob.messages == [b"back"]


def test_what_is_changed_or_turned_round_is_not_taken(ada: Node, bob: Node) -> None:
    hers, _ = meet(ada, bob)
    ada.roster.add(hers)
    request, counter = hers.request(Kind.MESSAGE, b"hello")
    for position in range(8, len(request)):
        changed = bytearray(request)
        changed[position] ^= 1
        assert bob.ask(bytes(changed)) is None
    assert ada.ask(request) is None  # sent back to who sent it
    answer = bob.ask(request)
    assert answer is not None
    for other in (answer[:-1], answer[:7], b"", answer[:-1] + bytes([answer[-1] ^ 1])):
        with pytest.raises(NoiseError):
            hers.check_answer(other, counter, 0.0)
    with pytest.raises(NoiseError):
        hers.check_answer(answer, counter + 1, 0.0)  # of another request
    assert bob.messages == [b"hello"]


def test_old_counters_count_as_seen(ada: Node, bob: Node) -> None:
    hers, _ = meet(ada, bob)
    old, _ = hers.request(Kind.MESSAGE, b"old")
    for _ in range(1100):
        request, _ = hers.request(Kind.HELLO)
        assert bob.ask(request) is not None
    assert bob.ask(old) is not None
    assert bob.messages == []


def test_a_full_queue_is_not_acknowledged_and_may_be_tried_again(ada: Node, bob: Node) -> None:
    hers, _ = meet(ada, bob)
    bob.room = 0
    request, counter = hers.request(Kind.MESSAGE, b"later")
    assert bob.ask(request) is None
    bob.room = 1
    answer = bob.ask(request)
    assert answer is not None
    hers.check_answer(answer, counter, 0.0)
    assert bob.messages == [b"later"]


def test_a_member_s_nat_that_moves_is_followed(ada: Node, bob: Node) -> None:
    """By what is new alone: whoever replays from elsewhere moves nothing."""
    hers, his = meet(ada, bob)
    old, _ = hers.request(Kind.HELLO)
    assert bob.ask(old) is not None
    moved = KnownHost("198.51.100.9", 999)
    request, _ = hers.request(Kind.HELLO)
    assert bob.ask(request, moved, 3.0) is not None
    assert (his.endpoint, his.heard) == (moved, 3.0)
    assert bob.ask(old, KnownHost("203.0.113.66", 6), 9.0) is not None
    assert (his.endpoint, his.heard) == (moved, 3.0)


def test_the_confirmation_is_the_other_side_s(ada: Node, bob: Node) -> None:
    begun = ada.begin()
    second = bob.ask(begun.first)
    assert second is not None
    begun.third(second, ada.record, admit_all)
    with pytest.raises(NoiseError):
        begun.session(bytes(16), THERE, 0.0)


def test_sessions_end_with_their_epoch(ada: Node, bob: Node) -> None:
    hers, his = meet(ada, bob)
    bob.roster.expire(TIME + 3000)
    assert list(bob.roster.of(his.member)) == [his]
    bob.roster.expire(TIME + 2 * EPOCH)
    assert not bob.roster.of(his.member)
    assert len(bob.roster) == 0
    request, _ = hers.request(Kind.MESSAGE, b"too late")
    assert bob.ask(request) is None


def test_only_so_many_sessions_are_kept_the_newest(
    ada: Node, bob: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bitboot_core._swarms.private.roster.PER_MEMBER", 4)
    monkeypatch.setattr("bitboot_core._swarms.private.roster.MAX_SESSIONS", 5)
    sessions = [meet(ada, bob, KnownHost("192.0.2.1", 1 + number))[1] for number in range(7)]
    assert len(bob.roster) == 1
    assert list(bob.roster.of(sessions[0].member)) == sessions[3:]
    others = [meet(Node(name), bob, KnownHost("192.0.2.2", number))[1] for number, name in enumerate("xyz")]
    assert [one for one in [*sessions, *others] if bob.roster.find(one.id)] == [*sessions[5:], *others]
    bob.roster.discard(others[0])
    bob.roster.discard(others[0])
    assert not bob.roster.of(others[0].member)
    assert len(bob.roster) == 3
