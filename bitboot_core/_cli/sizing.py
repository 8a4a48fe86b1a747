"""How many peers a swarm has, without fetching them: `bitboot lookup --size`."""

from __future__ import annotations

import time
from collections.abc import Mapping

from .._swarms.keys import SwarmName
from ..errors import UsageError
from .options import Settings
from .report.events import Done, Failed
from .report.report import Report
from .report.sizes import Sized
from .running import run
from .session import open_session
from .statuses import NOBODY


def size(settings: Settings, swarm: SwarmName, *, fail_empty: bool, others: Mapping[str, object]) -> int:
    """Tell of the sizes; the exit status. `others`: options that ask for peers, with which it makes no sense.

    Raises UsageError where one of these was given.
    """
    for option, value in others.items():
        if value:
            raise UsageError(f"--size fetches no peers: {option} has nothing to do", hint="leave one out")
    total = run(_size(settings, settings.report, swarm))
    if total is None:
        stopped = Failed(error="Interrupted", message="stopped before the swarm was counted", hint="")
        settings.report.tell(stopped)
        return 1
    return NOBODY if fail_empty and not total else 0


async def _size(settings: Settings, report: Report, swarm: SwarmName) -> int:
    """Tell of each network's, and return about how many peers there are."""
    began = time.monotonic()
    config = settings.config(read_only=True)
    async with open_session(config, report) as session:
        left = config.timeout - (time.monotonic() - began)
        found = await session.bitboot.size(swarm, timeout=max(left, 0.001))
        session.tell_ready()
        for network, one in found.networks.items():
            report.tell(Sized.of(str(swarm), network, one))
        for network, error in found.failures.items():
            report.tell(Failed.of(error, network=network))
    report.tell(Done(swarm=str(swarm), seconds=round(time.monotonic() - began, 3)))
    return found.total
