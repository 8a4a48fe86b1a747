"""Claims wait in line to be asked: no task each, none asked that needs not be, and all are settled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bitboot_core import KnownHost
from bitboot_core._swarms.private.claims import Claim
from bitboot_core._swarms.private.epochs import EpochKeys
from bitboot_core._swarms.private.line import TRIES, Line
from bitboot_core.aio.tasks import Tasks
from bitboot_core.testing import ManualClock

KEYS = EpochKeys(1, bytes(20), bytes(32))


def claims(count: int) -> list[Claim]:
    return [Claim(KnownHost("10.0.0.1", 1 + number), KEYS) for number in range(count)]


class Asker:
    """Asks claims, each until `answers` is set; those in `proved` need not be asked."""

    def __init__(self, clock: ManualClock) -> None:
        self.tasks = Tasks(clock)
        self.turns = asyncio.Semaphore(0)
        self.turns_ended = 0
        self.asked: list[tuple[Claim, float]] = []
        self.proved: list[Claim] = []
        self.settled: list[Claim] = []
        self.answers = asyncio.Event()
        self.line = Line(
            self.tasks,
            needs=lambda claim: claim not in self.proved,
            turn=self.turn,
            end_turn=self.end_turn,
            ask=self.ask,
        )

    async def turn(self) -> None:
        await self.turns.acquire()

    def end_turn(self) -> None:
        self.turns_ended += 1

    async def ask(self, claim: Claim, within: float) -> None:
        self.asked.append((claim, within))
        await self.answers.wait()


@pytest.fixture
async def asker(clock: ManualClock) -> AsyncIterator[Asker]:
    asker = Asker(clock)
    asker.tasks.start(asker.line.ask_all())
    yield asker
    await asker.tasks.cancel()


async def test_those_in_line_cost_no_task_and_are_asked_in_order(asker: Asker, clock: ManualClock) -> None:
    first, *others = claims(1000)
    for claim in (first, *others):
        asker.line.add(claim, asker.settled.append)
    await clock.settle()
    assert len(asker.tasks) == 1
    asker.turns.release()
    await clock.settle()
    assert (len(asker.tasks), asker.asked) == (2, [(first, TRIES[0])])
    asker.proved += others
    asker.turns.release()  # and nobody is left who needs it
    await clock.settle()
    assert (asker.settled, asker.turns_ended) == (others, 1)


async def test_whoever_proves_nothing_is_asked_again_after_the_others(
    asker: Asker, clock: ManualClock
) -> None:
    one, two = claims(2)
    asker.answers.set()
    for claim in (one, two):
        asker.line.add(claim, asker.settled.append)
    for _ in range(9):
        asker.turns.release()
    await clock.settle()
    assert asker.asked == [(claim, within) for within in TRIES for claim in (one, two)]
    assert asker.settled == [one, two]


async def test_whoever_comes_later_gets_another_try_and_all_are_told_once(
    asker: Asker, clock: ManualClock
) -> None:
    (claim,) = claims(1)
    also: list[Claim] = []
    asker.turns.release()
    asker.line.add(claim, asker.settled.append)
    await clock.settle()
    asker.line.add(claim, also.append)
    asker.answers.set()
    await clock.settle()
    assert len(asker.asked) == 1
    assert asker.settled == also == []
    for _ in range(9):
        asker.turns.release()
    await clock.settle()
    assert [within for _, within in asker.asked] == list(TRIES)
    assert asker.settled == also == [claim]


async def test_at_the_end_all_are_settled(asker: Asker, clock: ManualClock) -> None:
    asked, waiting, late = claims(3)
    asker.turns.release()
    asker.line.add(asked, asker.settled.append)
    asker.line.add(waiting, asker.settled.append)
    await clock.settle()
    asker.line.close()
    assert asker.settled == [waiting]
    asker.line.add(late, asker.settled.append)
    assert asker.settled == [waiting, late]
    await asker.tasks.cancel()
    await clock.settle()
    assert asker.settled == [waiting, late, asked]
    assert len(asker.asked) == 1
