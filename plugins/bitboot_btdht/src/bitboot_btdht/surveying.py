"""What the backend asks beside peers: how large a swarm is (BEP 33), and which keys nodes store (BEP 51)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any

from bitboot_core import BackendError, BackendTimeout, SwarmSize

from .lookup.per_family import Operation, Run
from .lookup.scrape import Scrapes
from .lookup.survey import Sample
from .peer_stream import Arrivals, nobody_answered
from .udp import UdpDriver


async def swarm_size(driver: UdpDriver, run: Run, key: bytes) -> SwarmSize:
    """About how many peers are under `key`.

    Raises BackendTimeout where no node answers, BackendError where none says anything that can be true.
    """
    scrapes: list[Scrapes] = []

    def begin(done: Callable[[int], None]) -> Operation:
        scrapes.append(driver.node.size(key, lambda: done(0), now=asyncio.get_running_loop().time()))
        return scrapes[0]

    await run(begin)
    (found,) = scrapes
    if found.unanswered:
        raise nobody_answered(found.asked)
    if found.asked and not found.counted:
        raise BackendError(
            f"none of the {found.asked} nodes asked has told how large the swarm is",
            hint="they refused, or what they told cannot be true: count the peers that a lookup finds",
        )
    seeds, others = found.sizes()
    return SwarmSize(seeds=round(seeds), peers=round(others), asked=found.asked, answered=found.counted)


async def samples(driver: UdpDriver, readers: set[Arrivals[Any]], nodes: int) -> AsyncGenerator[Sample, None]:
    """Yield samples as they come. `readers`: those who are told when the node is closed."""
    arrivals: Arrivals[Sample] = Arrivals()
    asked: list[int] = []

    def end(count: int) -> None:
        asked.append(count)
        arrivals.end()

    now = asyncio.get_running_loop().time()
    operation = driver.node.sample(lambda sample: arrivals.put([sample]), end, now=now, nodes=nodes)
    readers.add(arrivals)
    driver.flush()
    try:
        while (batch := await arrivals.next()) is not None:
            for sample in batch:
                yield sample
        if asked == [0]:
            raise BackendTimeout(
                "there is no node to ask for samples",
                hint="bootstrap first; nodes asked before are left alone for as long as they say",
            )
        if not any(part.replies for part in operation.parts):
            raise nobody_answered(asked[0])
    finally:
        operation.cancel()
        readers.discard(arrivals)
