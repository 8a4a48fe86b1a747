"""The traffic of the last hour, on a clock that the test moves."""

from __future__ import annotations

from bitboot_serve.traffic import MINUTES, Stats, Traffic

from bitboot_core.testing import ManualClock

NONE = {"sent": 0, "received": 0, "sent_bytes": 0, "received_bytes": 0}


def counted(number: int) -> dict[str, int]:
    return {
        "sent": number,
        "received": 2 * number,
        "sent_bytes": 100 * number,
        "received_bytes": 300 * number,
    }


class Counting:
    """Traffic of counters that a test sets."""

    def __init__(self, at: float = 1_800_000_000.0) -> None:
        self.clock = ManualClock(at)
        self.now: Stats = {}
        self.traffic = Traffic(lambda: self.now, self.clock)

    def grown(self) -> list[dict[str, int]]:
        """What was sent in each minute by each network."""
        return [{one["name"]: one["sent"] for one in minute["networks"]} for minute in self.traffic.minutes()]


async def test_each_minute_has_what_came_in_it() -> None:
    counting = Counting()
    counting.now = {"mainline": {**counted(7), "odd": 5}}
    counting.traffic.open()
    counting.now = {"mainline": counted(10)}
    await counting.clock.advance(60)
    counting.now = {"mainline": counted(14)}
    first, second = counting.traffic.minutes()
    assert first == {"at": 1_800_000_000, "networks": [{"name": "mainline", **counted(3)}]}
    assert second == {"at": 1_800_000_060, "networks": [{"name": "mainline", **counted(4)}]}
    counting.now = {"mainline": counted(15)}
    assert counting.grown() == [{"mainline": 3}, {"mainline": 5}]


async def test_minutes_begin_where_those_of_the_clock_do() -> None:
    counting = Counting(1_800_000_047.5)
    counting.traffic.open()
    await counting.clock.advance(13)
    assert [minute["at"] for minute in counting.traffic.minutes()] == [1_800_000_000, 1_800_000_060]


async def test_a_timer_that_comes_a_little_early_makes_no_minute_of_its_own() -> None:
    counting = Counting(1_800_000_059.999)
    counting.traffic.open()
    await counting.clock.advance(60)
    assert [minute["at"] for minute in counting.traffic.minutes()] == [1_800_000_060]


async def test_an_hour_is_kept_and_no_more() -> None:
    counting = Counting()
    counting.traffic.open()
    for _ in range(2 * MINUTES):
        await counting.clock.advance(60)
    minutes = [minute["at"] for minute in counting.traffic.minutes()]
    assert len(minutes) == MINUTES
    assert minutes[-1] - minutes[0] == 59 * 60


async def test_a_network_that_comes_goes_and_comes_again() -> None:
    counting = Counting()
    counting.now = {"mainline": counted(5)}
    counting.traffic.open()
    counting.now = {"mainline": counted(6), "lan": counted(2)}
    assert counting.grown() == [{"mainline": 1, "lan": 2}]
    await counting.clock.advance(60)
    counting.now = {"mainline": counted(3)}  # another node, which counts from the beginning
    assert counting.grown() == [{"mainline": 1, "lan": 2}, {"mainline": 3}]


async def test_a_backend_that_does_not_count_has_sent_nothing() -> None:
    counting = Counting()
    counting.now = {"local": {"stored_peers": 3}}
    counting.traffic.open()
    assert counting.traffic.minutes() == [{"at": 1_800_000_000, "networks": [{"name": "local", **NONE}]}]


async def test_closed_it_counts_no_more() -> None:
    counting = Counting()
    counting.traffic.open()
    counting.traffic.close()
    counting.traffic.close()
    await counting.clock.advance(3600)
    assert len(counting.traffic.minutes()) == 1
