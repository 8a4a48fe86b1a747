"""The network in a folder keeps Bitboot's contract."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bitboot_folder.backend import FolderBackend

from bitboot_core import BackendConfig
from bitboot_core.testing.contract import BackendContract, World


class TestFolder(BackendContract):
    entry_point = "folder"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        config = BackendConfig(network="contract", protocol="folder", state_dir=self.folder)
        ahead = 0.0

        async def advance(seconds: float) -> None:
            nonlocal ahead
            ahead += seconds

        async def store_raw(key: bytes, data: bytes) -> None:
            folder = self.folder / "contract" / key.hex()
            folder.mkdir(parents=True, exist_ok=True)
            name = f"{secrets.token_hex(16)}-{int((time.time() + 600) * 1000)}.json"
            (folder / name).write_bytes(data)

        yield World(
            make=lambda: FolderBackend(config, lambda: time.time() + ahead),
            advance=advance,
            store_raw=store_raw,
        )
