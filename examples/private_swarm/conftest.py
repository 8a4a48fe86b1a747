"""The fixture to take home: each test gets a DHT of its own, and as many members as it likes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from bitboot_btdht.testnet import Testnet

from bitboot_core import BitBoot

NewMember = Callable[[], Awaitable[BitBoot]]


@pytest.fixture
async def new_member() -> AsyncIterator[NewMember]:
    """Call it for a BitBoot that is in touch with the others, and with nobody else in the world."""
    async with AsyncExitStack() as stack:
        testnet = await stack.enter_async_context(Testnet(8))

        async def make() -> BitBoot:
            bitboot = BitBoot(bootstrap=testnet.bootstrap, listen="127.0.0.1:0", state_dir=False)
            await stack.enter_async_context(bitboot)
            await bitboot.ready()
            return bitboot

        yield make
