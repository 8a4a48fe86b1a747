"""What the tests share: members of a private group on loopback, which no real network hears."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bitboot_lan.backend import LanBackend
from bitboot_lan.settings import Settings

from bitboot_core import Backend, BackendConfig, KnownHost

LOOPBACK = BackendConfig(network="lan", protocol="bep14", listen=KnownHost("127.0.0.1", 0))


def private(**changes: object) -> Settings:
    """A group and a port of its own for each call, and short waits."""
    chance = random.Random(os.urandom(8))
    quick = {"gather": 0.0, "jitter": 0.01, "ask_again": 0.05, "patience": 0.1}
    return Settings(
        groups={4: f"239.255.{chance.randrange(256)}.{chance.randrange(1, 255)}", 6: "ff15::efc0:988f"},
        port=chance.randrange(20_000, 30_000),
        **{**quick, **changes},  # type: ignore[arg-type]
    )


@asynccontextmanager
async def member(
    settings: Settings, now: Callable[[], float] | None = None, config: BackendConfig = LOOPBACK
) -> AsyncIterator[LanBackend]:
    """A backend that runs."""
    backend = LanBackend(config, settings, now)
    await backend.start()
    try:
        yield backend
    finally:
        await backend.aclose()


async def found(backend: Backend, key: bytes) -> list[KnownHost]:
    """What a whole lookup yields."""
    return [peer async for peer in backend.lookup(key)]
