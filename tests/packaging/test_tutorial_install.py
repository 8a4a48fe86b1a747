"""What the tutorial says to type first, typed in a clone as it stands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

PAGE = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="the page writes venv/bin, as on other systems")
def test_the_tutorial_s_installation(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    (clone / "plugins").mkdir(parents=True)
    skip = shutil.ignore_patterns("__pycache__", "build", "dist", "*.egg-info")
    for name in ("bitboot_core", "plugins/bitboot_local", "plugins/bitboot_btdht"):
        shutil.copytree(ROOT / name, clone / name, ignore=skip)
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, clone / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    environ = os.environ | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    script = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]
    assert "pip install" in script
    done = subprocess.run(
        ["sh", "-e", "-c", script], cwd=clone, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bitboot-btdht" in done.stdout
    assert "bitboot-local" in done.stdout
