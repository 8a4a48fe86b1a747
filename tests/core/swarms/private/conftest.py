"""BitBoots on a wire of their own, each with an identity."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bitboot_core import BitBoot, Identity, NetworkDefinition, PortMapper, Registry, SwarmSecret
from bitboot_core.testing import ManualClock, mapper_spec_of, spec_of

from .wire import Apart, Node, Wire

SECRET = SwarmSecret("bbs1aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq")


class Members:
    """Makes BitBoots, and lets time pass until something is so."""

    def __init__(self, clock: ManualClock, stack: AsyncExitStack) -> None:
        self.clock, self._stack = clock, stack
        self.wire = Wire(clock)
        self._made = 0

    async def bitboot(
        self, *nodes: Node, ahead: float = 0.0, mapper: PortMapper | None = None, **settings: Any
    ) -> BitBoot:
        """A BitBoot on a node of its own, or on these, each a network."""
        self._made += 1
        registry = Registry(entry_points=list, environ={})
        if mapper is not None:
            registry.register_port_mapper(mapper_spec_of(mapper))
        networks = []
        for number, node in enumerate(nodes or (self.wire.node(),)):
            name = f"wire{number or ''}"
            registry.register_backend(spec_of(node, f"{name}-backend", [name]))
            networks.append(NetworkDefinition(name, name))
        chosen: dict[str, Any] = {
            "identity": Identity.from_seed(b"%032d" % self._made),
            "state_dir": False,
            **settings,
        }
        clock = Apart(self.clock, ahead)
        made = BitBoot(
            network=networks, registry=registry, clock=clock, random=random.Random(self._made), **chosen
        )
        return await self._stack.enter_async_context(made)

    async def enter(self, what: Any) -> Any:
        """Begin something that ends with the test."""
        return await self._stack.enter_async_context(what)

    async def pass_until(
        self, holds: Callable[[], bool], *, within: float = 120.0, step: float = 0.5
    ) -> float:
        """Let time pass until it holds; how many seconds that took. Fails where it takes too long."""
        began = self.clock.now()
        while not holds():
            assert self.clock.now() - began < within, "it does not come to pass"
            await self.clock.advance(step)
            await _keys_derived()
        return self.clock.now() - began

    async def awaited(self, work: Any, *, within: float = 120.0, step: float = 0.5) -> Any:
        """What a coroutine gives, while time passes."""
        task = asyncio.ensure_future(work)
        await self.pass_until(task.done, within=within, step=step)
        return await task


async def _keys_derived() -> None:
    """Keys are derived in threads, which take as long as they do, whatever this clock says."""
    await asyncio.sleep(0.001)
    for thread in threading.enumerate():
        if thread.name == "bitboot-secret":
            await asyncio.to_thread(thread.join)


@pytest.fixture
async def members() -> AsyncIterator[Members]:
    async with AsyncExitStack() as stack:
        yield Members(ManualClock(), stack)
