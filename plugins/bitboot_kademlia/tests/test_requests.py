"""Requests: who may answer, when they are sent again, and how they end."""

from __future__ import annotations

import asyncio
import time as real_time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import umsgpack
from bitboot_kademlia.messages import MESSAGE_ID_BYTES
from bitboot_kademlia.requests import Answer, Requests
from bitboot_kademlia.settings import Settings
from bitboot_kademlia.wire import Address

THERE, ELSEWHERE = ("20.0.0.1", 7000), ("20.0.0.1", 7001)
IMPATIENT = Settings(slow_floor=0.001, slow_ceiling=0.001, timeout_floor=0.003, timeout_ceiling=0.003)


class Wire:
    """Requests whose datagrams go nowhere."""

    def __init__(self, settings: Settings) -> None:
        self.sent: list[tuple[bytes, Address]] = []
        self.answered: list[Address] = []
        self.silent: list[Address] = []
        self.requests = Requests(
            lambda datagram, address: self.sent.append((datagram, address)),
            settings,
            on_answer=self.answered.append,
            on_silence=self.silent.append,
        )

    def answer(self, number: int, value: Any, sender: Address = THERE) -> bool:
        message_id = self.sent[number][0][1 : 1 + MESSAGE_ID_BYTES]
        return self.requests.receive(message_id, umsgpack.packb(value), sender)

    def names(self) -> list[str]:
        return [umsgpack.unpackb(datagram[21:])[0] for datagram, _ in self.sent]


@pytest.fixture
async def errors() -> AsyncIterator[list[dict[str, Any]]]:
    """What asyncio's loop complains of."""
    found: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: found.append(context))
    yield found
    loop.set_exception_handler(None)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire(Settings())
    yield wire
    wire.requests.close()


@pytest.fixture
async def impatient() -> AsyncIterator[Wire]:
    """Such that gives up after a few milliseconds."""
    wire = Wire(IMPATIENT)
    wire.requests.round_trips.add(0.0001)
    yield wire
    wire.requests.close()


async def test_an_answer_is_handed_to_whoever_asked(wire: Wire) -> None:
    future = wire.requests.call(THERE, "hello", [b"id"])
    assert wire.answer(0, [1, "two"])
    assert await future == Answer("hello", [1, "two"])
    assert wire.answered == [THERE]
    assert len(wire.requests) == 0


async def test_only_whoever_was_asked_may_answer(wire: Wire) -> None:
    future = wire.requests.call(THERE, "hello", [])
    assert not wire.answer(0, "lies", ELSEWHERE)
    assert not wire.requests.receive(b"x" * 20, umsgpack.packb("guessed"), THERE)
    assert not future.done()
    assert wire.answer(0, "truth")
    assert (await future) == Answer("hello", "truth")
    assert not wire.answer(0, "once more"), "an answer counts once"


async def test_a_malformed_answer_is_refused_and_a_sound_one_still_counts(wire: Wire) -> None:
    future = wire.requests.call(THERE, "hello", [])
    with pytest.raises(ValueError, match="msgpack"):
        wire.requests.receive(wire.sent[0][0][1:21], b"\xc1", THERE)
    assert not future.done()
    assert wire.answer(0, 1)
    assert await future == Answer("hello", 1)


async def test_silence_is_sent_to_once_more_and_then_over(impatient: Wire) -> None:
    slow: list[None] = []
    future = impatient.requests.call(THERE, "hello", [], on_slow=lambda: slow.append(None))
    assert await future is None
    assert len(impatient.sent) == 2
    assert impatient.sent[0] == impatient.sent[1]
    assert (slow, impatient.silent) == ([None], [THERE])
    assert len(impatient.requests) == 0
    assert not impatient.answer(0, "too late")


async def test_a_fallback_is_called_beside_it_where_it_is_slow(impatient: Wire) -> None:
    slow = asyncio.Event()
    future = impatient.requests.call(THERE, "hello", [], fallback=("ping", [b"id"]), on_slow=slow.set)
    await slow.wait()
    assert impatient.names() == ["hello", "hello", "ping"]
    assert impatient.answer(2, b"me")
    assert await future == Answer("ping", b"me")
    assert not impatient.answer(0, b"me"), "either of the two is enough"


async def test_a_cancelled_call_leaves_nothing_behind(impatient: Wire, errors: list[Any]) -> None:
    """In the library its answer, or its time-out, raises InvalidStateError in the loop."""
    answered = impatient.requests.call(THERE, "hello", [])
    silent = impatient.requests.call(THERE, "hello", [])
    answered.cancel()
    silent.cancel()
    assert impatient.answer(0, 1)
    await impatient.requests.call(THERE, "hello", [])
    assert len(impatient.requests) == 0
    assert impatient.silent == [THERE], "who is asked no more is not blamed"
    assert errors == []


async def test_at_the_end_nobody_waits_any_more(wire: Wire) -> None:
    futures = [wire.requests.call(THERE, "hello", []) for _ in range(50)]
    sent = len(wire.sent)
    wire.requests.close()
    assert [await future for future in futures] == [None] * 50
    assert await wire.requests.call(THERE, "hello", []) is None
    assert len(wire.sent) == sent
    assert len(wire.requests) == 0
    assert wire.silent == []


async def test_more_than_a_window_waits_in_line_and_no_more_than_fit_there() -> None:
    wire = Wire(Settings(window=3, max_outstanding=8))
    futures = [wire.requests.call(THERE, "hello", [number]) for number in range(10)]
    await asyncio.sleep(0)
    assert len(wire.sent) == 3
    assert [future.done() for future in futures] == [False] * 8 + [True] * 2
    for number in range(8):
        assert wire.answer(number, number)
    assert [answer and answer.value for future in futures if (answer := await future)] == [*range(8)]
    wire.requests.close()


async def test_the_slow_hold_up_nobody() -> None:
    settings = Settings(window=3, slow_floor=0.001, slow_ceiling=0.001, timeout_floor=30, timeout_ceiling=30)
    wire = Wire(settings)
    nine_are_slow = asyncio.Event()
    slow = [wire.requests.call(ELSEWHERE, "hello", []) for _ in range(8)]
    slow.append(wire.requests.call(ELSEWHERE, "hello", [], on_slow=nine_are_slow.set))
    future = wire.requests.call(THERE, "hello", [])
    assert wire.sent[-1][1] == ELSEWHERE
    await nine_are_slow.wait()
    (number,) = [number for number, (_, address) in enumerate(wire.sent) if address == THERE][:1]
    assert wire.answer(number, 1)
    assert await future == Answer("hello", 1)
    assert not any(one.done() for one in slow)
    wire.requests.close()


async def test_a_loop_that_was_held_up_blames_nobody(impatient: Wire) -> None:
    """The answer waits in the socket meanwhile, and is read in the next turn."""
    future = impatient.requests.call(THERE, "hello", [])
    real_time.sleep(0.02)  # noqa: ASYNC251 - that is what some program does
    await asyncio.sleep(0)
    assert impatient.answer(0, 1)
    assert await future == Answer("hello", 1)
    assert impatient.silent == []


def test_patience_before_anything_is_known_is_a_second(wire: Wire) -> None:
    trips = wire.requests.round_trips
    assert trips.timeout == pytest.approx(1.0, abs=0.05)
    assert trips.slow < trips.timeout / 2
    assert trips.mean == 0


def test_patience_stays_within_the_settings(wire: Wire) -> None:
    settings, trips = Settings(), wire.requests.round_trips
    for seconds in [0.001] * 100:
        trips.add(seconds)
    assert (trips.slow, trips.timeout) == (settings.slow_floor, settings.timeout_floor)
    for seconds in [60.0] * 100:
        trips.add(seconds)
    assert (trips.slow, trips.timeout) == (settings.slow_ceiling, settings.timeout_ceiling)


class BrokenWire(Wire):
    """Everything that is told of an answer or of silence raises."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)

        def broken(*_: object) -> None:
            raise RuntimeError("a bug")

        self.requests = Requests(
            lambda datagram, address: self.sent.append((datagram, address)),
            settings,
            on_answer=broken,
            on_silence=broken,
        )
        self.requests.round_trips.add(0.0001)
        self.broken = broken


async def test_an_exception_leaves_nobody_waiting(errors: list[dict[str, Any]]) -> None:
    """Neither whoever asked, nor the other requests, whose timers go on."""
    wire = BrokenWire(IMPATIENT)
    futures = [wire.requests.call(THERE, "hello", [], on_slow=wire.broken) for _ in range(3)]
    answered = wire.requests.call(ELSEWHERE, "hello", [])
    with pytest.raises(RuntimeError, match="a bug"):
        wire.answer(3, 7, ELSEWHERE)
    assert await answered == Answer("hello", 7)
    async with asyncio.timeout(20):
        assert await asyncio.gather(*futures) == [None] * 3
    assert len(wire.requests) == 0
    assert len(errors) == 6, "each is reported"
    wire.requests.close()
