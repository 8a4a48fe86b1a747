"""The network in a folder keeps Bitboot's contract."""

from __future__ import annotations

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

        yield World(make=lambda: FolderBackend(config, lambda: time.time() + ahead), advance=advance)
