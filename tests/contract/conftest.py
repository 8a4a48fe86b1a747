"""The model's plugin, installed for the length of a test."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PLUGIN = """
from bitboot_core import BackendSpec, hookimpl

BITBOOT_API = 1


def make(config):
    from bitboot_core.testing import FakeBackend

    return FakeBackend()


@hookimpl
def bitboot_backends():
    return [BackendSpec("model", ["model"], make)]
"""

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """A function that installs a plugin with this source, as the entry point "model"."""

    def install(source: str) -> None:
        (tmp_path / "contract_model.py").write_text(source, encoding="utf-8")
        info = tmp_path / "contract_model-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Name: contract-model\nVersion: 1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text("[bitboot]\nmodel = contract_model\n", encoding="utf-8")
        (tmp_path / "heavy_library.py").write_text("", encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
        monkeypatch.delitem(sys.modules, "contract_model", raising=False)

    return install


@pytest.fixture
def installed(install: Install) -> None:
    """The model's plugin is installed."""
    install(PLUGIN)
