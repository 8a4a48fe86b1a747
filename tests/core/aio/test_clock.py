"""The clocks, and the waits that are built on them."""

import asyncio
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from bitboot_core.aio.clock import SystemClock, TimeUp, continuous_clock, deadline, sleep_until
from bitboot_core.testing import ManualClock


class Hands:
    """Two clocks' hands, to be moved apart."""

    def __init__(self) -> None:
        self.monotonic = 100.0
        self.wall = 1_700_000_000.0

    def clock(self) -> SystemClock:
        """One on a system where nothing runs on in suspend."""
        return SystemClock(None, lambda: self.monotonic, lambda: self.wall)


def test_a_step_of_the_wall_clock_is_no_sleep_where_a_clock_runs_on_in_suspend() -> None:
    hands = Hands()
    running_on = [5000.0]
    clock = SystemClock(lambda: running_on[0], lambda: hands.monotonic, lambda: hands.wall)
    hands.wall += 3600  # by NTP, or by hand
    assert clock.now() == 5000
    running_on[0] += 7200  # the machine has slept
    assert clock.now() == 12_200


def test_a_timer_outlives_a_step_of_the_wall_clock() -> None:
    ahead = [0.0]
    wall = time.time

    async def wait() -> bool:
        clock = SystemClock(wall=lambda: wall() + ahead[0])
        clock.SLICE = 0.0
        ended = asyncio.Event()
        clock.call_at(clock.now() + 20, ended.set)
        await asyncio.sleep(0)
        ahead[0] = 3600
        for _ in range(5):
            await asyncio.sleep(0)
        return ended.is_set()

    if continuous_clock() is None:
        pytest.skip("no clock of this system runs on in suspend: a step is taken for sleep")
    assert not asyncio.run(wait())


def system(**clocks: float) -> Any:
    """As much of the module `time` as is looked at: clocks by number, each with what it shows."""

    def clock_gettime(number: float) -> float:
        if number < 0:
            raise OSError("not permitted")
        return number

    return SimpleNamespace(monotonic=lambda: 1.0, clock_gettime=clock_gettime, **clocks)


@pytest.mark.parametrize(
    ("platform", "clocks", "shown"),
    [
        ("linux", {"CLOCK_MONOTONIC": 2.0, "CLOCK_MONOTONIC_RAW": 3.0, "CLOCK_BOOTTIME": 4.0}, 4.0),
        ("linux", {"CLOCK_MONOTONIC": 2.0, "CLOCK_MONOTONIC_RAW": 3.0}, None),
        ("linux", {"CLOCK_MONOTONIC": 2.0, "CLOCK_BOOTTIME": -1.0}, None),
        ("darwin", {"CLOCK_MONOTONIC": 2.0, "CLOCK_MONOTONIC_RAW": 3.0}, 3.0),
        ("darwin", {"CLOCK_MONOTONIC": 2.0}, None),
        ("win32", {}, 1.0),
        ("freebsd14", {"CLOCK_MONOTONIC": 2.0}, None),
    ],
)
def test_the_clock_that_runs_on_in_suspend(
    platform: str, clocks: dict[str, float], shown: float | None
) -> None:
    clock = continuous_clock(platform, system(**clocks))
    assert (None if clock is None else clock()) == shown


@pytest.mark.skipif(sys.platform not in ("linux", "darwin", "win32"), reason="known for these systems only")
def test_this_system_has_one() -> None:
    clock = continuous_clock()
    assert clock is not None
    assert clock() <= clock()


def test_time_passes_as_on_the_monotonic_clock() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.monotonic += 12
    hands.wall += 12.5
    assert clock.now() == 112


def test_sleep_of_the_machine_counts() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.monotonic += 1
    hands.wall += 3601
    assert clock.now() == pytest.approx(100 + 3601)
    hands.monotonic += 1
    hands.wall += 1
    assert clock.now() == pytest.approx(100 + 3602)


def test_a_wall_clock_set_back_does_not_turn_time_back() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.monotonic += 1
    hands.wall -= 86_400
    assert clock.now() == 101


def test_drift_never_adds_up_to_a_sleep() -> None:
    hands = Hands()
    clock = hands.clock()
    for _ in range(1000):
        hands.monotonic += 1
        hands.wall += 1.01
        clock.now()
    assert clock.now() == 1100


async def test_a_timer_notices_that_the_machine_has_slept() -> None:
    hands = Hands()
    clock = hands.clock()
    clock.SLICE = 0.0  # look again at every turn of the loop
    fired = asyncio.Event()
    clock.call_at(clock.now() + 3600, fired.set)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not fired.is_set()
    hands.wall += 3600
    async with asyncio.timeout(10):
        await fired.wait()


async def test_a_cancelled_timer_does_not_fire() -> None:
    fired = asyncio.Event()
    timer = SystemClock().call_at(0, fired.set)
    timer.cancel()
    timer.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not fired.is_set()


async def test_sleep_until_returns_at_its_time(clock: ManualClock) -> None:
    task = asyncio.ensure_future(sleep_until(clock, clock.now() + 10))
    await clock.advance(9.9)
    assert not task.done()
    await clock.advance(0.1)
    assert task.done()


async def test_sleep_until_the_past_returns_at_once(clock: ManualClock) -> None:
    async with asyncio.timeout(10):
        await sleep_until(clock, clock.now() - 1)


async def test_a_cancelled_sleep_leaves_no_timer(clock: ManualClock) -> None:
    task = asyncio.ensure_future(sleep_until(clock, clock.now() + 10))
    await clock.settle()
    assert clock.next_timer is not None
    task.cancel()
    await clock.settle()
    assert clock.next_timer is None


async def test_a_deadline_raises_at_its_time(clock: ManualClock) -> None:
    async def work() -> None:
        async with deadline(clock, clock.now() + 10):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(work())
    await clock.advance(9.9)
    assert not task.done()
    await clock.advance(0.1)
    assert isinstance(task.exception(), TimeUp)


async def test_a_timeout_of_the_work_itself_is_not_the_deadlines(clock: ManualClock) -> None:
    with pytest.raises(TimeoutError, match="its own"):
        async with deadline(clock, clock.now() + 10):
            raise TimeoutError("its own")


async def test_a_deadline_that_is_kept_leaves_no_timer(clock: ManualClock) -> None:
    async with deadline(clock, clock.now() + 10):
        pass
    assert clock.next_timer is None


async def test_a_cancellation_within_a_deadline_stays_one(clock: ManualClock) -> None:
    async def work() -> None:
        async with deadline(clock, None):
            await asyncio.Event().wait()

    task = asyncio.ensure_future(work())
    await clock.settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_manual_clock_fires_in_order_at_the_right_times(clock: ManualClock) -> None:
    seen: list[tuple[str, float]] = []
    clock.call_at(1003, lambda: seen.append(("c", clock.now())))
    clock.call_at(1001, lambda: seen.append(("a", clock.now())))
    clock.call_at(1001, lambda: seen.append(("b", clock.now())))
    clock.call_at(1009, lambda: seen.append(("late", clock.now())))
    await clock.advance(5)
    assert seen == [("a", 1001), ("b", 1001), ("c", 1003)]
    assert clock.now() == 1005


async def test_after_a_suspension_everything_due_fires_at_once(clock: ManualClock) -> None:
    seen: list[float] = []
    clock.call_at(1001, lambda: seen.append(clock.now()))
    await clock.suspend(100)
    assert seen == [1100]


@pytest.mark.parametrize("turns", [1, 20, 90])
async def test_all_that_a_timer_wakes_runs_before_the_next_one(turns: int) -> None:
    clock, order = ManualClock(), list[str]()

    async def work(name: str, at: float) -> None:
        await sleep_until(clock, at)
        for _turn in range(turns):
            await asyncio.sleep(0)
        order.append(f"{name} at {clock.now():g}")

    tasks = [asyncio.ensure_future(work("one", 10)), asyncio.ensure_future(work("two", 11))]
    await clock.advance(20)
    assert order == ["one at 10", "two at 11"]
    await asyncio.gather(*tasks)


async def test_where_nothing_is_to_run_time_passes_in_a_few_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    fired, turns = list[float](), list[float]()
    sleep = asyncio.sleep

    async def counted(seconds: float) -> None:
        turns.append(seconds)
        await sleep(seconds)

    monkeypatch.setattr("bitboot_core.testing.clock.asyncio.sleep", counted)
    # Another test may have left a thread that resolves a name: as long as it lives, nothing counts as idle.
    monkeypatch.setattr("bitboot_core.testing.clock.threading.enumerate", list)
    for second in range(100):
        clock.call_at(second + 1, lambda: fired.append(clock.now()))
    await clock.advance(100)
    assert fired == list(range(1, 101))
    assert len(turns) < 1_000


async def test_of_several_timers_each_is_called_in_its_turn_whatever_the_others_do() -> None:
    called: list[str] = []
    raised: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context["exception"]))
    clock = SystemClock()
    now = clock.now()

    def fail() -> None:
        third.cancel()
        raise ValueError("its own")

    clock.call_at(now + 0.002, lambda: called.append("last"))
    clock.call_at(now, fail)
    third = clock.call_at(now, lambda: called.append("cancelled by another that is due"))
    clock.call_at(now + 60, lambda: called.append("never")).cancel()
    clock.call_at(now + 0.001, lambda: called.append("second"))
    await sleep_until(clock, now + 0.003)
    assert called == ["second", "last"]
    assert [str(error) for error in raised] == ["its own"]


def test_a_clock_serves_one_event_loop_after_another() -> None:
    clock = SystemClock()
    for _ in range(3):
        asyncio.run(sleep_until(clock, clock.now() + 0.001))
    assert len(clock._timers) == 1
