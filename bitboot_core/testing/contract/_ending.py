"""Checks that everything ends, and that nothing works that has ended or has not begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from bitboot_core.backend import Backend
from bitboot_core.errors import BitBootError, NotRunning, UnsupportedOperation
from bitboot_core.model import KnownHost

from ._base import Checks, Nodes, check, collect, endpoint_of, key_of, raised_by, stream
from ._failing import fail


class EndingChecks(Checks):
    """Closing: a lookup early, a node twice, while it is busy; and using what is closed."""

    @check
    async def test_a_lookup_can_be_closed_early(self, nodes: Nodes) -> None:
        """After its first peer, or before; the next lookup finds as much as ever."""
        one, other = await nodes.pair()
        key = key_of(one, "early")
        await nodes.announce(one, key, endpoint_of(one, 7001))
        await nodes.announce(other, key, endpoint_of(other, 7002))
        for peers_read in (0, 1):
            error = await nodes.soon(_close_after(stream(other, key), peers_read), "closing a lookup")
            if error is not None:
                fail(f"closing a lookup after {peers_read} peers raised {error!r}")
        await nodes.expect(other, key, {7001, 7002}, "after lookups were closed early")

    @check
    async def test_closing_twice_is_closing_once(self, nodes: Nodes) -> None:
        """One after the other, and also without having been started."""
        for start in (True, False):
            node = await nodes.start() if start else nodes.world.make()
            await nodes.close(node)
            error = await nodes.soon(raised_by(node.aclose), "aclose()")
            if error is not None:
                fail(f"closed for the second time it raised {error!r}")

    @check
    async def test_closing_ends_what_is_under_way(self, nodes: Nodes) -> None:
        """A lookup that is being read ends, or raises a BitBootError; it does not hang."""
        one, other = await nodes.pair()
        key = key_of(one, "under way")
        await nodes.announce(one, key, endpoint_of(one, 7001))
        if nodes.world.stall is not None:
            await nodes.world.stall()
        begun, closed = asyncio.Event(), asyncio.Event()

        async def read() -> None:
            async with aclosing(stream(other, key)) as peers:
                await anext(peers, None)
                begun.set()
                await closed.wait()
                async for _ in peers:
                    pass

        hardly_begun = asyncio.ensure_future(raised_by(lambda: collect(other, key)))
        half_read = asyncio.ensure_future(raised_by(read))
        await nodes.soon(begun.wait(), "the first peer of a lookup")
        await nodes.close(other)
        closed.set()
        what = "a lookup on a node that has been closed"
        for error in (await nodes.soon(hardly_begun, what), await nodes.soon(half_read, what)):
            if error is not None and not isinstance(error, BitBootError):
                fail(f"closing the node, a lookup under way raised {error!r}, which is not a BitBootError")

    @check
    async def test_before_start_it_does_not_run(self, nodes: Nodes) -> None:
        """Every method raises NotRunning."""
        node = nodes.world.make()
        await _expect_not_running(nodes, node, "before start()")

    @check
    async def test_after_closing_it_does_not_run(self, nodes: Nodes) -> None:
        """Every method raises NotRunning."""
        node = await nodes.start()
        await nodes.announce(node, key_of(node, "closed"), endpoint_of(node, 7001))
        await nodes.close(node)
        await _expect_not_running(nodes, node, "after aclose()")


async def _close_after(peers: AsyncGenerator[KnownHost, None], count: int) -> BaseException | None:
    """Read this many peers, then close: all in one task, as the core does."""
    for _ in range(count):
        await anext(peers, None)
    return await raised_by(peers.aclose)


CAN_BE_REFUSED = {"withdraw", "size", "request", "on_request"}
"""Not every backend can do this: then it says so at any time."""


async def _expect_not_running(nodes: Nodes, node: Backend, when: str) -> None:
    key, endpoint = key_of(node, "closed"), endpoint_of(node, 7001)
    calls: dict[str, Callable[[], object]] = {
        "announce": lambda: node.announce(key, endpoint, lifetime=60),
        "lookup": lambda: collect(node, key),
        "bootstrap": lambda: node.bootstrap([]),
        "contacts": node.contacts,
        "address": lambda: node.address,
        "stats": node.stats,
        "withdraw": lambda: node.withdraw(key, endpoint),
        "size": lambda: node.size(key),
        "request": lambda: node.request(KnownHost("127.0.0.1", 9), b"", timeout=1.0),
        "on_request": lambda: node.on_request(None),
    }
    for name, call in calls.items():
        error = await nodes.soon(raised_by(call), name)
        if name in CAN_BE_REFUSED and isinstance(error, UnsupportedOperation):
            continue
        if not isinstance(error, NotRunning):
            fail(f"{when} {name} raised {error!r}, not NotRunning")
