"""examples/private_swarm: its own tests, as its owner would run them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .programs import EXAMPLES

pytestmark = pytest.mark.once


def test_its_own_tests_pass() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=EXAMPLES / "private_swarm", capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
