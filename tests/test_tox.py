"""How tox runs the tests: a test that hangs ends, and so does the run."""

from __future__ import annotations

import configparser
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]

QUICK = "def test_quick():\n    pass\n"
HANGS = "import threading\n\n\ndef test_hangs():\n    threading.Event().wait()\n"


def test_a_test_that_hangs_fails_and_the_run_ends(tmp_path: Path) -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    options = [one for one in shlex.split(tox["tests"]["options"]) if not one.startswith("--ignore")]
    for number in range(6):
        code = HANGS if number == 2 else QUICK
        (tmp_path / f"test_{number}.py").write_text(code, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\n", encoding="utf-8"
    )
    options[options.index("-n") + 1] = "2"
    command = [
        sys.executable,
        "-m",
        "pytest",
        *options,
        "--timeout=2",
        "-p",
        "no:cacheprovider",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "crashed while running" in done.stdout
    assert "test_hangs" in done.stdout
