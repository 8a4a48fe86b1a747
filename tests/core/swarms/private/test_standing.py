"""Who is said hello to: members who were not heard for a while, by one side of each pair."""

from __future__ import annotations

import pytest

from bitboot_core import KnownHost
from bitboot_core._swarms.private.session import Session
from bitboot_core._swarms.private.standing import (
    HELLO_AFTER,
    HELLO_LATER,
    HELLO_RARELY,
    HELLOS_PER_SECOND,
    LOOK_EVERY,
    SILENT,
    Standing,
)

from .test_responder import Node, meet


@pytest.fixture
def ada() -> Node:
    return Node("ada")


def standing(node: Node, *others: Node) -> Standing:
    """The sessions of a node that has asked the others."""
    made = Standing(node.roster)
    for other in others:
        session, _ = meet(node, other)
        node.roster.add(session)
        made.add(session)
    return made


def test_nobody_is_greeted_who_was_just_heard(ada: Node) -> None:
    hers = standing(ada, Node("bob"))
    assert hers.due(HELLO_AFTER - 0.1) == []
    (session,) = hers
    assert hers.due(HELLO_AFTER) == [session]
    assert hers.due(HELLO_AFTER + LOOK_EVERY) == []  # the answer is awaited
    session.heard = 30.0
    assert hers.due(30.0 + HELLO_AFTER - 0.1) == []
    assert hers.due(30.0 + HELLO_AFTER) == [session]


def test_the_side_that_answered_waits_for_the_other_s_hello(ada: Node) -> None:
    bob = Node("bob")
    standing(ada, bob)
    his = Standing(bob.roster)
    (session,) = bob.proved
    his.add(session)
    assert HELLO_AFTER + HELLO_LATER + LOOK_EVERY <= 25  # as the protocol says
    assert his.due(HELLO_AFTER + LOOK_EVERY) == []  # by then the other side has said it
    assert his.due(HELLO_AFTER + HELLO_LATER) == [session]


def test_of_many_few_are_greeted_at_a_time_the_longest_silent_first(ada: Node) -> None:
    hers = standing(ada, *(Node(f"member {number}") for number in range(30)))
    most = round(HELLOS_PER_SECOND * LOOK_EVERY)
    for number, session in enumerate(reversed(list(hers))):
        session.heard = number / 100
    due = hers.due(60.0)
    assert len(due) == most < 30
    assert [session.heard for session in due] == [number / 100 for number in range(most)]
    assert len(hers.due(60.0)) == 30 - most


def test_a_session_ends_after_hellos_without_an_answer_in_a_row(ada: Node) -> None:
    hers = standing(ada, Node("bob"))
    (session,) = hers
    now = 0.0
    for number in range(2 * SILENT - 1):
        now += HELLO_AFTER
        assert hers.due(now) == [session]
        if number == SILENT - 1:
            hers.answered(session)
        else:
            hers.missed(session)
    assert session in hers
    session.heard = now + 1.0  # it has said something itself: that counts as well
    hers.missed(session)
    for number in range(SILENT):
        assert session in hers, number
        now += 2 * HELLO_AFTER
        assert hers.due(now) == [session]
        hers.missed(session)
    assert session not in hers
    assert len(hers) == 0
    assert ada.roster.find(session.id) is None
    hers.missed(session)  # whose session has ended meanwhile


def test_what_the_roster_has_no_more_is_forgotten(ada: Node) -> None:
    hers = standing(ada, Node("bob"))
    (session,) = hers
    ada.roster.discard(session)
    assert hers.due(0.0) == []
    assert session not in hers


def test_recent_are_those_who_were_heard(ada: Node) -> None:
    hers = standing(ada, Node("bob"))
    assert len(hers.recent((SILENT + 1) * HELLO_AFTER)) == 1
    assert hers.recent((SILENT + 1) * HELLO_AFTER + 1) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.3", "::1"])
def test_on_one_machine_there_is_no_nat_to_keep_open(ada: Node, host: str) -> None:
    hers = standing(ada, Node("bob"))
    (session,) = hers
    session.endpoint = KnownHost(host, 7)
    assert hers.due(HELLO_RARELY - 0.1) == []
    assert hers.recent((SILENT + 1) * HELLO_RARELY) == [session]
    assert hers.due(HELLO_RARELY) == [session]
    assert hers.recent((SILENT + 1) * HELLO_RARELY + 1) == []


def test_while_nobody_can_be_due_nobody_is_looked_at(ada: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be thousands, and it is asked every few seconds."""
    hers = standing(ada, Node("bob"))
    assert hers.due(1.0) == []
    looked: list[bytes] = []
    find = ada.roster.find

    def counted(session_id: bytes) -> Session | None:
        looked.append(session_id)
        return find(session_id)

    monkeypatch.setattr(ada.roster, "find", counted)
    assert hers.due(HELLO_AFTER - 0.1) == []
    assert looked == []
    assert hers.due(HELLO_AFTER) == list(hers)
    assert len(looked) == 1
