"""The check that no call holds up the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from ._base import Checks, Nodes, check, endpoint_of, key_of
from ._failing import fail

ATTEMPTS = 3
"""A busy machine may hold up anything for once. Code that blocks does so every time."""


class BlockingChecks(Checks):
    """Everything runs on one event loop, that of the program too."""

    @check
    async def test_no_call_blocks_the_event_loop(self, nodes: Nodes) -> None:
        """A whole life of a node, as asyncio's debug mode sees it, in which steps that take long are told."""
        told = ""
        for number in range(ATTEMPTS):
            with _slow_steps(self.blocking) as slow:
                await _live(nodes, number)
            if not slow:
                return
            told = slow[0]
        fail(f"a call blocked the event loop for {self.blocking:g} s or longer: {told}")


async def _live(nodes: Nodes, number: int) -> None:
    one, other = await nodes.pair()
    key, endpoint = key_of(one, f"blocking {number}"), endpoint_of(one, 7001)
    await nodes.announce(one, key, endpoint)
    await nodes.expect(other, key, {7001}, "after another node announced 7001")
    for node in (one, other):
        node.contacts()
        node.stats()
    if one.capabilities.sizes:
        await nodes.soon(one.size(key), "size()")
    if one.capabilities.can_withdraw:
        await nodes.soon(one.withdraw(key, endpoint), "withdraw()")
    await nodes.close(one)
    await nodes.close(other)


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith("Executing"):
            self.messages.append(record.getMessage())


@contextlib.contextmanager
def _slow_steps(seconds: float) -> Iterator[list[str]]:
    """What the running event loop executes meanwhile in one go for so long, as asyncio describes it."""
    loop, logger, collector = asyncio.get_running_loop(), logging.getLogger("asyncio"), _Collector()
    before = loop.get_debug(), logger.level, logging.root.manager.disable
    loop.slow_callback_duration = seconds
    loop.set_debug(True)
    logger.setLevel(logging.WARNING)
    logging.disable(logging.NOTSET)  # a program that logs nothing is told all the same
    logger.addHandler(collector)
    try:
        yield collector.messages
    finally:
        logger.removeHandler(collector)
        loop.set_debug(before[0])
        logger.setLevel(before[1])
        logging.disable(before[2])
