"""Checks that a node that is closed leaves nothing: no task, no socket, no thread."""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from ._base import Checks, Nodes, check, endpoint_of, key_of
from ._failing import fail

T = TypeVar("T")


class LeftoverChecks(Checks):
    """When a node is closed it is as if it had never been."""

    @check
    async def test_no_task_is_left(self, nodes: Nodes) -> None:
        """Neither of the node nor of what was asked of it."""
        before = asyncio.all_tasks()
        await _live(nodes)
        if left := await tasks_left(before, nodes.grace):
            fail(f"closed, it left {left}")

    @check
    async def test_no_socket_is_left(self, nodes: Nodes) -> None:
        """Every socket that Python knows of is closed."""
        before = open_sockets()
        await _live(nodes)
        if left := await sockets_left(before, nodes.grace):
            fail(f"closed, it left {left}")

    def test_no_thread_is_left(self) -> None:
        """Of this check and those before. Threads of asyncio's own pool end with the event loop."""
        self.run(_live)
        end = time.monotonic() + self.grace
        for thread in list(self._threads):
            thread.join(max(0.0, end - time.monotonic()))
        left = [thread for thread in self._threads if thread.is_alive()]
        if left:
            fail(f"closed, it left {', '.join(map(repr, left))}")


async def _live(nodes: Nodes) -> None:
    """A short life, of which a part is still under way when it ends."""
    one, other = await nodes.pair()
    key = key_of(one, "life")
    await nodes.announce(one, key, endpoint_of(one, 7001))
    await nodes.expect(other, key, {7001}, "after another node announced 7001")
    if one.capabilities.can_withdraw:
        await nodes.soon(one.withdraw(key, endpoint_of(one, 7001)), "withdraw()")
    await nodes.close(one)
    await nodes.close(other)


async def tasks_left(before: Collection[asyncio.Task[object]], grace: float) -> str:
    """The tasks that there were not before and that do not end, for people; "" where there are none."""
    tasks = await _settle(lambda: _new(asyncio.all_tasks(), before), grace)
    return ", ".join(map(repr, tasks))


async def sockets_left(before: Collection[socket.socket], grace: float) -> str:
    """The same for open sockets."""
    sockets = await _settle(lambda: _new(open_sockets(), before), grace)
    return ", ".join(map(repr, sockets))


async def _settle(look: Callable[[], list[T]], grace: float) -> list[T]:
    """What is left when it had time to go."""
    end = time.monotonic() + grace  # not the event loop's time, which checks put forward
    while (left := look()) and time.monotonic() < end:  # noqa: ASYNC110 - nothing tells when it goes
        await asyncio.sleep(0.01)
    return left


def _new(after: Iterable[T], before: Collection[T]) -> list[T]:
    return [one for one in after if not any(one is other for other in before)]


def open_sockets() -> list[socket.socket]:
    """Every open socket of this process that Python knows of."""
    # type(), since isinstance() would ask proxies of all kinds what they claim to be
    sockets = [one for one in gc.get_objects() if issubclass(type(one), socket.socket)]
    return [one for one in sockets if one.fileno() != -1]
