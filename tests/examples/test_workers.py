"""examples/workers: numbers are factored, whoever goes away."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bitboot_core import KnownHost

from .programs import program
from .test_chat import options

pytestmark = pytest.mark.once

NUMBERS = {
    "1000036": "2 x 2 x 29 x 37 x 233",
    "1000000": " x ".join(["2"] * 6 + ["5"] * 6),
    "1000003": "1000003",
}


async def test_workers_that_come_first_find_their_coordinators(contacts: Sequence[KnownHost]) -> None:
    workers = "workers/workers.py", *options(contacts)
    async with program(*workers, "worker") as one, program(*workers, "worker"):
        await one.shows("looking for coordinators")
        for _ in range(2):  # one after the other: the workers survive the first
            async with program(*workers, "coordinator", *NUMBERS) as coordinator:
                for number, factors in NUMBERS.items():
                    await coordinator.shows(f"{number} = {factors}")
                assert await coordinator.ended() == 0
        await one.interrupt()
        assert await one.ended() == 0


async def test_a_number_whose_worker_dies_is_handed_to_another(contacts: Sequence[KnownHost]) -> None:
    workers = "workers/workers.py", *options(contacts)
    long, short = str(2**39 - 7), "1000003"  # the first is prime, and takes the better part of a second
    async with program(*workers, "coordinator", long, long[:-1] + "9", short) as coordinator:
        await coordinator.shows("waiting for workers")
        async with program(*workers, "worker") as doomed:
            await doomed.shows("worked on")
            doomed.kill()
        async with program(*workers, "worker"):
            assert await coordinator.ended() == 0
    assert any(line.startswith(f"{short} = {short}") for line in coordinator.printed)


async def test_an_address_that_is_none_of_ours_is_a_sentence() -> None:
    async with program("workers/workers.py", "--listen", "nowhere", "worker") as worker:
        assert await worker.ended() == 1
        (line,) = worker.printed
        assert line.startswith("workers: 'nowhere' is not an endpoint (")
