"""Queries through the package's socket, one by one or as a walk towards a key, awaited on the event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from bitboot_core import NotRunning

from ..wire.compact import Address
from .dht import Answer, NativeDht
from .walk import Walk

TIMEOUT = 1.0
"""Seconds in which a node has to answer."""


class Questions:
    """What is asked of other nodes. `thread`: where calls into the package are made that may block.

    All raise NotRunning once it is closed, also where they wait already.
    """

    def __init__(self, dht: NativeDht, thread: Executor) -> None:
        self._dht = dht
        self._thread = thread
        self._is_closed = False
        self._waiters: set[asyncio.Future[Any]] = set()

    def close(self) -> None:
        """Ask nothing any more."""
        self._is_closed = True
        for waiter in list(self._waiters):
            if not waiter.done():
                waiter.set_exception(closed())

    async def walk(self, target: bytes, method: bytes, on_peers: Callable[[list[Address]], None]) -> Walk:
        """Ask towards `target`, until the nearest nodes have answered."""
        self._check_open()
        walk = Walk(target, self._dht.own_id, on_peers)
        loop = asyncio.get_running_loop()
        walk.add(await loop.run_in_executor(self._thread, lambda: self._dht.closest(target)))
        name = b"target" if method == b"find_node" else b"info_hash"

        async def ask(address: Address) -> None:
            walk.heard(address, await self.ask(address, method, {name: target}))

        pending: set[asyncio.Task[None]] = set()
        done: set[asyncio.Task[None]] = set()
        try:
            while True:
                pending |= {asyncio.create_task(ask(address)) for address in walk.next(len(pending))}
                if not pending:
                    return walk
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, *done, return_exceptions=True)  # where one failed, others may have

    async def ask(self, address: Address, method: bytes, arguments: dict[bytes, Any]) -> Answer | None:
        """Send a query and await its answer; None where there is none in time."""
        self._check_open()
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Answer] = loop.create_future()
        self._waiters.add(waiter)

        def settle(answer: Answer) -> None:
            if not waiter.done():
                waiter.set_result(answer)

        def arrived(answer: Answer) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                loop.call_soon_threadsafe(settle, answer)

        transaction = self._dht.ask(address, method, arguments, arrived)
        try:
            async with asyncio.timeout(TIMEOUT):
                return await waiter
        except TimeoutError:
            return None
        finally:
            self._dht.forget(transaction)
            self._waiters.discard(waiter)

    async def ask_twice(self, address: Address, method: bytes, arguments: dict[bytes, Any]) -> Answer | None:
        """The same, with a second query where the first one is not answered."""
        answer = await self.ask(address, method, arguments)
        return answer if answer is not None else await self.ask(address, method, arguments)

    def _check_open(self) -> None:
        if self._is_closed:
            raise closed()


def closed() -> NotRunning:
    """What whoever still waits at the end is told."""
    return NotRunning("the node was closed meanwhile")
