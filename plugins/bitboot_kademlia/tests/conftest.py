"""What the tests of the kademlia node share."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bitboot_kademlia.backend import KademliaBackend
from bitboot_kademlia.settings import Settings

from bitboot_core import BackendConfig, KnownHost

from .internet import Internet
from .strangers import Talk, Time


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def talk(time: Time) -> AsyncIterator[Talk]:
    """A node on the ordinary settings."""
    talk = Talk(Settings(), time)
    yield talk
    talk.protocol.close()


@pytest.fixture
async def internet() -> AsyncIterator[Internet]:
    internet = Internet()
    yield internet
    await internet.aclose()


@asynccontextmanager
async def running(
    host: str = "127.0.0.1", *, read_only: bool = False, settings: Settings | None = None, **more: Any
) -> AsyncIterator[KademliaBackend]:
    """A backend that listens on any free port of `host`."""
    config = BackendConfig(
        network="kademlia", protocol="kademlia", listen=KnownHost(host, 0), read_only=read_only
    )
    backend = KademliaBackend(config, settings, **more)
    await backend.start()
    try:
        yield backend
    finally:
        await backend.aclose()


async def found(backend: KademliaBackend, key: bytes) -> list[KnownHost]:
    """What a whole lookup yields."""
    return [peer async for peer in backend.lookup(key)]


@pytest.fixture
def ipv6() -> None:
    """Skips where this machine has no IPv6 loopback."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
