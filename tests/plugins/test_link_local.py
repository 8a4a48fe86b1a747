"""Contacts with link-local addresses on two interfaces, in a network namespace of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("link_local.py")


@pytest.mark.skipif(
    sys.platform != "linux"
    or shutil.which("unshare") is None
    or shutil.which("ip") is None
    or subprocess.run(["unshare", "-Urn", "true"], capture_output=True, check=False).returncode != 0,
    reason="NOT TESTED: links of one's own need `unshare -Urn` and `ip` (Linux, user namespaces)",
)
@pytest.mark.parametrize("backend", ["btdht", "kademlia"])
def test_the_zone_of_a_contact_is_kept(backend: str) -> None:
    command = ["unshare", "-Urn", sys.executable, str(PROGRAM), backend]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert (done.stdout, done.returncode) == ("met\n", 0), done.stderr
