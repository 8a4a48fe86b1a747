"""Handing peers over from the node's callbacks to whoever reads a lookup; and whatever else arrives."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from bitboot_core import BackendTimeout, NotRunning

T = TypeVar("T", bound=Hashable)


class Arrivals(Generic[T]):
    """Peers, or what else comes, on their way from the node's callbacks to one reader, each handed out once.

    `on_fresh` is called where some have come that the reader has not had yet.
    """

    def __init__(self, on_fresh: Callable[[], None] = lambda: None) -> None:
        self._on_fresh = on_fresh
        self._seen: set[T] = set()
        self._batches: deque[list[T]] = deque()
        self._ended = False
        self._error: NotRunning | None = None
        self._reader: asyncio.Future[None] | None = None

    def put(self, arrived: list[T]) -> None:
        """More have arrived."""
        fresh = [one for one in dict.fromkeys(arrived) if one not in self._seen]
        if fresh:
            self._seen.update(fresh)
            self._batches.append(fresh)
            self._wake()
            self._on_fresh()

    def end(self) -> None:
        """No more will."""
        self._ended = True
        self._wake()

    def fail(self, error: NotRunning) -> None:
        """The node has gone."""
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def next(self) -> list[T] | None:
        """The next batch; None at the end."""
        while True:
            if self._error is not None:
                raise self._error
            if self._batches:
                return self._batches.popleft()
            if self._ended:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader


def nobody_answered(asked: int) -> BackendTimeout:
    """The error for a lookup that asked N nodes and heard none: that is no empty swarm."""
    nodes = {0: "none of the nodes known before", 1: "the one node"}.get(asked, f"none of the {asked} nodes")
    verb = {0: "answers any more", 1: "asked did not answer"}.get(asked, "asked answered")
    return BackendTimeout(
        f"{nodes} {verb}",
        hint="check that this machine is online and that UDP gets through",
    )
