"""The check that every await may be cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ._base import LIFETIME, Checks, Nodes, check, collect, endpoint_of, key_of
from ._failing import fail
from ._leftovers import open_sockets, sockets_left, tasks_left
from ._steps import Steps

MAX_AWAITS = 100
"""Awaits of one call at which it is cancelled: a call that has more is cancelled at the first of them."""


class InterruptedChecks(Checks):
    """Cancellation is honoured wherever it strikes, and leaves nothing behind."""

    @check
    async def test_cancelled_at_every_await_it_stops_and_leaves_nothing(self, nodes: Nodes) -> None:
        """Each call is cancelled at its first await, at its second and so on, and at last not at all."""
        one, other = await nodes.pair()
        key, endpoint = key_of(one, "interrupted"), endpoint_of(one, 7001)
        await interrupt(nodes, "bootstrap()", lambda: one.bootstrap(list(nodes.world.contacts)))
        await interrupt(nodes, "announce()", lambda: one.announce(key, endpoint, lifetime=LIFETIME))
        await interrupt(nodes, "a lookup", lambda: collect(other, key))
        await nodes.expect(other, key, {7001}, "after calls were cancelled, and 7001 then announced")
        if one.capabilities.sizes:
            await interrupt(nodes, "size()", lambda: other.size(key))
        if one.capabilities.can_withdraw:
            await interrupt(nodes, "withdraw()", lambda: one.withdraw(key, endpoint))

    @check
    async def test_cancelled_while_it_starts_or_closes_it_can_be_closed(self, nodes: Nodes) -> None:
        """At whichever await: a further aclose() ends it."""
        tasks, sockets = asyncio.all_tasks(), open_sockets()
        for number in range(MAX_AWAITS):
            node = nodes.world.make()
            if not await _cancel(nodes, "start()", node.start, number):
                await nodes.soon(node.aclose(), "aclose()")
                break
            await nodes.soon(node.aclose(), "aclose() after an interrupted start()")
        for number in range(MAX_AWAITS):
            node = await nodes.start()
            nodes.release(node)
            if not await _cancel(nodes, "aclose()", node.aclose, number):
                break
            await nodes.soon(node.aclose(), "aclose() after an interrupted aclose()")
        if left := await tasks_left(tasks, nodes.grace) or await sockets_left(sockets, nodes.grace):
            fail(f"closed after interruptions, it left {left}")


async def interrupt(nodes: Nodes, name: str, call: Callable[[], Awaitable[object]]) -> None:
    """Cancel the call at its first await, at its second and so on, and at last not at all."""
    tasks = asyncio.all_tasks()
    for number in range(MAX_AWAITS):
        if not await _cancel(nodes, name, call, number):
            break
        if left := await tasks_left(tasks, nodes.grace):
            fail(f"{name}, cancelled at its await number {number + 1}, left {left}")


async def _cancel(nodes: Nodes, name: str, call: Callable[[], Awaitable[object]], number: int) -> bool:
    """Cancel the call at one of its awaits. False where it has fewer."""
    steps = Steps(cancel_at=number)
    task = asyncio.ensure_future(steps.count(call()))
    error: BaseException | None = None
    try:
        await nodes.soon(task, name)
    except asyncio.CancelledError:
        if not task.cancelled():  # it is the check itself that is cancelled
            raise
        return True
    except Exception as raised:  # noqa: BLE001 - judged below
        error = raised
    if steps.cancelled:
        fail(f"{name}, cancelled at its await number {number + 1}, {_instead(error)}")
    if error is not None:
        raise error
    return False


def _instead(error: BaseException | None) -> str:
    return "went on as if nothing had happened" if error is None else f"raised {error!r}"
