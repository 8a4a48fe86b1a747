"""A mainline network on loopback in the place of the public one."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import Iterator, Sequence

import pytest
from bitboot_btdht.testnet import Testnet

from bitboot_core import KnownHost, default_registry
from bitboot_core.networks import BUILT_IN, MAINLINE


def _serve(started: threading.Event, ended: threading.Event, contacts: list[KnownHost]) -> None:
    async def serve() -> None:
        async with Testnet(8) as testnet:
            contacts.extend(testnet.bootstrap)
            started.set()
            await asyncio.to_thread(ended.wait)

    asyncio.run(serve())


@pytest.fixture
def contacts() -> Iterator[Sequence[KnownHost]]:
    """The bootstrap contacts of a testnet in a thread of its own, since the examples call asyncio.run()."""
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


@pytest.fixture
def mainline_here(contacts: Sequence[KnownHost], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The network "mainline" starts from the testnet, so that examples for the public one run unchanged."""
    here = dataclasses.replace(MAINLINE, bootstrap=tuple(contacts))
    others = [network for network in BUILT_IN if network is not MAINLINE]
    monkeypatch.setattr("bitboot_core.registry.BUILT_IN", [here, *others])
    default_registry.cache_clear()
    assert default_registry().network("mainline").bootstrap == tuple(contacts)
    yield
    default_registry.cache_clear()
