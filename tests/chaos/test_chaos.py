"""Forty processes of `bitboot join`, killed, stopped and begun again: whoever survives finds the rest.

They make a mainline network of their own on loopback, on real UDP. Each fault is followed by newcomers
at ports that nobody has seen before, so that "everybody sees everybody" is never what they knew before
it. Nothing sleeps but for the minute of the stop: states are waited for, by reading the events.

    tox -e chaos

Who is hit is drawn from a seed, which is printed; BITBOOT_CHAOS_SEED=n draws the same again.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from .swarm import Member, settle, start_all

SIZE = 40
STOPPED_FOR = 60.0

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGSTOP")


class Chaos:
    """All processes that there are and were."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.members: list[Member] = []
        self.seed = Member(folder, 250, "watch")
        self._folder, self._rng = folder, rng
        self._began = time.monotonic()

    @property
    def alive(self) -> list[Member]:
        return [member for member in self.members if member.is_running]

    def some(self, count: int, *, but: Sequence[Member] = ()) -> list[Member]:
        return self._rng.sample([member for member in self.alive if member not in but], count)

    def newcomers(self, count: int, contact: Member) -> None:
        first = len(self.members)
        added = [Member(self._folder, number) for number in range(first, first + count)]
        self.members += added
        start_all(added, [contact.address])

    def tell(self, what: str) -> None:
        print(f"{time.monotonic() - self._began:5.0f} s: {what}", flush=True)

    def end(self) -> None:
        for member in [self.seed, *self.members]:
            member.kill()


@pytest.fixture
def chaos(tmp_path: Path) -> Iterator[Chaos]:
    seed = int(os.environ.get("BITBOOT_CHAOS_SEED") or random.randrange(10**6))
    print(f"BITBOOT_CHAOS_SEED={seed}")
    chaos = Chaos(tmp_path, random.Random(seed))
    yield chaos
    chaos.end()


def test_whoever_survives_finds_the_rest(chaos: Chaos) -> None:
    start_all([chaos.seed], [])
    chaos.newcomers(SIZE, chaos.seed)
    settle(chaos.alive)
    chaos.tell(f"{SIZE} have started, and everybody sees everybody")

    for victim in chaos.some(10):
        victim.kill()
    chaos.newcomers(10, *chaos.some(1))
    settle(chaos.alive)
    chaos.tell("10 were killed and 10 have come: everybody sees everybody")

    stopped = chaos.some(10)
    for member in stopped:
        member.signal(signal.SIGSTOP)
    go_on_at = time.monotonic() + STOPPED_FOR
    for victim in chaos.some(5, but=stopped):
        victim.kill()
    chaos.newcomers(5, *chaos.some(1, but=stopped))
    settle([member for member in chaos.alive if member not in stopped])
    chaos.tell("10 were stopped, 5 killed and 5 have come: those who run see each other")
    time.sleep(max(0.0, go_on_at - time.monotonic()))
    for member in stopped:
        member.signal(signal.SIGCONT)
    settle(chaos.alive)
    chaos.tell("the stopped go on: everybody sees everybody")

    survivors = chaos.alive
    assert len(survivors) == SIZE
    chaos.end()
    start_all(survivors, [chaos.seed.address])  # which is gone: there are only the contacts they kept
    settle(survivors)
    chaos.tell("all were killed and are back from the contacts they kept: everybody sees everybody")
