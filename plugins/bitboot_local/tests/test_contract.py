"""The local network keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bitboot_local.backend import LocalBackend

from bitboot_core import BackendConfig
from bitboot_core.testing.contract import BackendContract, World


class TestLocal(BackendContract):
    """In a space of its own, on a clock of its own."""

    entry_point = "local"

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        seconds = 0.0

        async def advance(more: float) -> None:
            nonlocal seconds
            seconds += more

        config = BackendConfig(network="contract", protocol="local")
        yield World(make=lambda: LocalBackend(config, lambda: seconds), advance=advance)
