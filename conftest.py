"""For all tests of all distributions: nothing is ever written into the user's own folders."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What BITBOOT_STATE_DIR names during one test."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("BITBOOT_STATE_DIR", str(folder))
    monkeypatch.setenv("BITBOOT_CONFIG", os.devnull)  # nor is anything read that the user configured
    return folder
