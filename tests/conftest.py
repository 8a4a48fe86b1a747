"""What tests of several rooms share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bitboot_core import KnownHost


def _serve(started: threading.Event, ended: threading.Event, contacts: list[KnownHost]) -> None:
    # The tests of the distributions run where nothing of ours is installed.
    from bitboot_btdht.testnet import Testnet  # noqa: PLC0415

    async def serve() -> None:
        async with Testnet(8) as testnet:
            contacts.extend(testnet.bootstrap)
            started.set()
            await asyncio.to_thread(ended.wait)

    asyncio.run(serve())


@pytest.fixture
def contacts() -> Iterator[Sequence[KnownHost]]:
    """The bootstrap contacts of a testnet in a thread, for tests that call asyncio.run() themselves."""
    started, ended = threading.Event(), threading.Event()
    found: list[KnownHost] = []
    thread = threading.Thread(target=_serve, args=(started, ended, found))
    thread.start()
    try:
        assert started.wait(20)
        yield found
    finally:
        ended.set()
        thread.join()
