"""The side that begins: one handshake for each pair, the same first message again, and not too fast."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from bitboot_core import KnownHost, Swarm
from bitboot_core._swarms.private import pace
from bitboot_core._swarms.private.claims import Claim
from bitboot_core._swarms.private.epochs import EDGE, EPOCH
from bitboot_core._swarms.private.initiator import ANSWER_WITHIN
from bitboot_core._swarms.private.introduction import MAX_REQUEST
from bitboot_core._swarms.private.noise import TAG
from bitboot_core._swarms.private.pace import ALWAYS, AT_A_TIME, MAX_LAG, PAUSE, Pace
from bitboot_core._swarms.private.prover import RENEW_AFTER
from bitboot_core.testing import ManualClock

from .conftest import SECRET, Members
from .wire import Node

NAME = "unique_network"


AT_AN_EDGE = EPOCH - EDGE + 60 - 8875
"""As far ahead a clock shows a minute of the time in which two keys are announced."""


async def begin(members: Members, count: int, *, ahead: float = 0.0) -> list[Swarm]:
    """So many members that join at the same moment, and begin with each other at once: their swarms."""
    bitboots = [await members.bitboot(ahead=ahead) for _ in range(count)]
    members.wire.junk = list(members.wire.nodes)
    return [
        await members.enter(bitboot.join(NAME, port=7000 + number, secret=SECRET))
        for number, bitboot in enumerate(bitboots)
    ]


def firsts(members: Members) -> int:
    """How many first messages were sent, each as often as it was."""
    return sum(len(request) == MAX_REQUEST for _, _, request, _ in members.wire.traffic)


def handshakes(members: Members) -> Counter[frozenset[KnownHost]]:
    """How many handshakes each pair has ended: the last answer of each is an empty message, sealed."""
    ended = {
        (frozenset({source, to}), request)
        for source, to, request, answer in members.wire.traffic
        if answer is not None and len(answer) == TAG
    }
    return Counter(pair for pair, _ in ended)


@pytest.mark.parametrize("ahead", [0.0, AT_AN_EDGE])
@pytest.mark.parametrize("delay", [0.0, 0.001, 0.2])
async def test_each_pair_makes_one_handshake(members: Members, delay: float, ahead: float) -> None:
    """Also where both sides' first messages are under way at a time, and where two keys are announced."""
    members.wire.delay = delay
    swarms = await begin(members, 8, ahead=ahead)
    await members.pass_until(lambda: all(len(one.peers) == 8 for one in swarms))
    assert len(members.wire.store) == (2 if ahead else 1)
    await members.clock.advance(30)
    made = handshakes(members)
    assert len(made) == 8 * 7 // 2
    assert set(made.values()) == {1}


async def test_whoever_was_proved_just_now_is_not_asked_under_another_key_at_once(members: Members) -> None:
    """Nodes tell of the same member under one key sooner than under the other."""
    swarm, _ = await begin(members, 2, ahead=AT_AN_EDGE)
    await members.pass_until(lambda: len(swarm.peers) == 2)
    (prover,) = swarm._private._provers.values()
    (session,) = prover.sessions()
    own = swarm._private.own
    assert own is not None
    claim = prover.claim(session.endpoint, own.epochs.keys(session.epoch + 1))
    assert prover.is_current(claim)
    await members.clock.advance(RENEW_AFTER)
    assert not prover.is_current(claim)


async def test_pairs_that_met_at_an_edge_prove_themselves_anew_before_it_ends(members: Members) -> None:
    swarms = await begin(members, 4, ahead=AT_AN_EDGE)
    await members.pass_until(lambda: all(len(one.peers) == 4 for one in swarms))
    await members.clock.advance(EDGE - 120)
    own = swarms[0]._private.own
    assert own is not None
    newest = own.epochs.announced(swarms[0]._private.time)[-1].epoch
    for swarm in swarms:
        (prover,) = swarm._private._provers.values()
        assert {session.epoch for session in prover.sessions()} >= {newest}
        assert len({session.member for session in prover.sessions() if session.epoch == newest}) == 3


async def test_whoever_has_proved_itself_while_we_waited_is_not_asked(
    members: Members, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "AT_A_TIME", 1)
    monkeypatch.setattr(pace, "ALWAYS", 0)
    swarms = await begin(members, 8)
    await members.pass_until(lambda: all(len(one.peers) == 8 for one in swarms))
    assert firsts(members) <= 8 * 7 // 2


async def test_whoever_has_begun_with_us_is_not_begun_with(members: Members) -> None:
    """While the third message is on its way the other side needs no first message of ours."""
    members.wire.delay = 0.2
    ada, bob = [await members.bitboot() for _ in range(2)]
    hers = await members.enter(ada.join(NAME, port=7000, secret=SECRET))
    await members.pass_until(lambda: len(hers.peers) == 1)
    await members.enter(bob.announce(NAME, port=7001, secret=SECRET))
    hers.watch.scan_soon()
    await members.pass_until(lambda: firsts(members) == 1, step=0.01)
    found = await members.awaited(bob.lookup(NAME, secret=SECRET))
    assert {peer.port for peer in found} == {7000, 7001}
    assert firsts(members) == 1


async def test_where_the_other_side_does_not_go_on_we_do(members: Members) -> None:
    """All that one side sends after its first messages is lost: the others do not wait for it for ever."""
    members.wire.delay = 0.2
    silenced = KnownHost("10.0.0.1", 4000)
    members.wire.lost = lambda source, to, payload: source == silenced and len(payload) < MAX_REQUEST
    swarms = await begin(members, 5)
    took = await members.pass_until(lambda: all(len(one.peers) == 5 for one in swarms), step=0.1)
    assert took < ANSWER_WITHIN + 2


class Unaware(Node):
    """A node that does not know where others see it."""

    @property
    def address(self) -> KnownHost:
        return KnownHost("0.0.0.0", 4000)


async def test_whoever_asks_itself_notices_at_once(members: Members) -> None:
    node = Unaware(members.wire, KnownHost("192.0.2.7", 7), nat=False, max_request=1000)
    bitboot = await members.bitboot(node)
    members.wire.junk = [node.own]
    swarm = await members.enter(bitboot.join(NAME, port=7000, secret=SECRET))
    assert await members.pass_until(lambda: len(swarm.peers) == 1, step=0.1) < 1.0


async def test_two_who_ask_the_same_make_one_handshake(members: Members) -> None:
    """A lookup and a call at a time that both sides share get the answer to the same first message."""
    ada, bob = [await members.bitboot() for _ in range(2)]
    await members.enter(ada.announce(NAME, port=7000, secret=SECRET))
    swarm = await members.enter(bob.join(NAME, port=7001, secret=SECRET))
    await members.pass_until(lambda: len(swarm.peers) == 2)
    members.wire.delay = 0.2
    (prover,) = swarm._private._provers.values()
    own = swarm._private.own
    claim = Claim(KnownHost("10.0.0.1", 4000), own.epochs.keys(own.epochs.at(swarm._private.time)))
    asking = [prover._initiator.ask(claim, ANSWER_WITHIN, again=True) for _ in range(2)]
    sessions = await members.awaited(asyncio.gather(*asking))
    assert [session is None for session in sessions] == [False, True]


async def test_who_is_silent_is_sent_the_same_first_message(members: Members) -> None:
    silent = KnownHost("192.0.2.9", 9)
    members.wire.junk = [silent]
    sent: list[tuple[float, bytes]] = []

    def lost(source: KnownHost, to: KnownHost, payload: bytes) -> bool:
        sent.append((members.clock.now(), payload))
        return True

    members.wire.nodes[silent] = members.wire.node()
    members.wire.lost = lost
    await begin(members, 1)
    await members.pass_until(lambda: bool(sent))
    await members.clock.advance(70)
    first = sent[0][1]
    assert len([1 for _, payload in sent if payload == first]) > 1
    assert {payload == first for when, payload in sent if when > 30} == {False}


async def test_a_busy_program_begins_fewer_and_waits_longer() -> None:
    clock = ManualClock()
    handing_out = Pace(clock)
    begun = 0
    ends = asyncio.Event()

    async def make() -> None:
        nonlocal begun
        await handing_out.begin()
        begun += 1
        await ends.wait()
        handing_out.end()

    tasks = [asyncio.ensure_future(make()) for _ in range(20 * AT_A_TIME)]
    await clock.settle()
    assert begun == ALWAYS
    await clock.advance(1.5 * PAUSE)
    assert begun == ALWAYS + AT_A_TIME
    await clock.advance(PAUSE)
    assert begun == ALWAYS + 2 * AT_A_TIME
    assert handing_out.lag == 0.0
    await clock.suspend(1.0)  # as where the event loop has other things to do
    assert begun < ALWAYS + 2 * AT_A_TIME + 2
    assert 3.5 < handing_out.lag <= 4.0
    assert handing_out.is_behind
    handing_out.was_late(100.0)
    assert handing_out.lag == MAX_LAG
    ends.set()  # whatever the event loop does, a few may be under way
    await clock.advance(PAUSE)
    await asyncio.gather(*tasks)
    assert not handing_out.is_behind


def test_as_long_as_answers_took_they_may_take_again() -> None:
    handing_out = Pace(ManualClock())
    handing_out.took(2.0)
    assert handing_out.lag == 2.0
    for _ in range(50):
        handing_out.took(0.1)
    assert handing_out.lag == pytest.approx(0.1)
