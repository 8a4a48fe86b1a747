"""Distributions as an installer leaves them, in a folder of a test's own, for processes that get it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


class Site:
    """A folder on the module search path of the processes that `run` starts, and what is installed there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, distribution: str, source: str, version: str = "1.0") -> None:
        """Install a distribution with one module, its plugin, under an entry point of its own name."""
        module = distribution.replace("-", "_")
        self.add_module(module, source)
        metadata = self.folder / f"{module}-{version}.dist-info"
        metadata.mkdir()
        files = {
            "METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n",
            "entry_points.txt": f"[bitboot]\n{distribution} = {module}\n",
            "INSTALLER": "a test\n",
        }
        files["RECORD"] = "".join(f"{metadata.name}/{name},,\n" for name in files) + f"{module}.py,,\n"
        for name, content in files.items():
            (metadata / name).write_text(content, encoding="utf-8")

    def add_module(self, name: str, source: str) -> None:
        """A module without any distribution."""
        (self.folder / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run Python with all this installed beside what this process has."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(self.folder)} | environ,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)
