"""How long to wait for an answer: as the core would."""

from __future__ import annotations

import random

import pytest
from bitboot_btdht.asking.round_trips import RoundTrips

from bitboot_core.aio.round_trips import RoundTrips as CoresRoundTrips


@pytest.mark.parametrize("typical", [0.001, 0.08, 3.0])
def test_they_are_counted_as_the_cores_are(typical: float) -> None:
    rng = random.Random(1)
    ours = RoundTrips(guess=0.25, slow=(0.05, 1.0), timeout=(0.5, 4.0))
    cores = CoresRoundTrips(guess=0.25, slow=(0.05, 1.0), timeout=(0.5, 4.0))
    for _ in range(200):
        assert (ours.mean, ours.slow, ours.timeout) == (cores.mean, cores.slow, cores.timeout)
        assert ours.above_mean(1) == cores.above_mean(1)
        seconds = rng.lognormvariate(0.0, 1.0) * typical
        ours.add(seconds)
        cores.add(seconds)
