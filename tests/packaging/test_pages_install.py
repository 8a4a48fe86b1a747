"""What README and the tutorial say to type to install it, typed in a fresh clone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT, fresh_clone, run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the pages write venv/bin, as on other systems")


def installation(page: str) -> list[str]:
    """The page's shell blocks that install something."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "pip install" in block]


def type_in(clone: Path, script: str, python_folder: Path) -> str:
    """Run a shell script in the clone, `python3` being the one in that folder; what it printed."""
    environ = os.environ | {"PATH": f"{python_folder}{os.pathsep}{os.environ['PATH']}"}
    command = ["sh", "-e", "-c", script]
    done = subprocess.run(command, cwd=clone, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_tutorial_s(tmp_path: Path) -> None:
    clone = fresh_clone(tmp_path)
    (script,) = installation("docs/tutorial.md")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    out = type_in(clone, script, tmp_path / "bin")
    assert "bitboot-btdht" in out
    assert "bitboot-local" in out


@pytest.mark.parametrize("number", [0, 1])
def test_the_readme_s(number: int, tmp_path: Path) -> None:
    clone = fresh_clone(tmp_path)
    run(sys.executable, "-m", "venv", tmp_path / "program", cwd=tmp_path)
    programs = tmp_path / "program" / "bin"
    script = installation("README.md")[number]
    type_in(clone, script, programs)
    assert "bitboot-btdht" in run(programs / "bitboot", "plugins", cwd=tmp_path)
