"""A host with two links and several IPv6 addresses, in a network namespace of its own: Linux only."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SETUP = """
ip link set lo up
ip -6 addr add fd00::1/128 dev lo
ip -6 addr add fd00::2/128 dev lo
ip link add a0 type veth peer name a1
ip link add b0 type veth peer name b1
for link in a0 a1 b0 b1; do
    ip link set $link addrgenmode none up
    ip -6 addr add fe80::$link/64 dev $link nodad
done
exec "$@"
"""


def _is_possible() -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    return subprocess.run(["unshare", "-Urn", "true"], capture_output=True, check=False).returncode == 0


needs_two_links = pytest.mark.skipif(
    not _is_possible(),
    reason="NOT TESTED: links of one's own need `unshare -Urn` and `ip` (Linux, user namespaces)",
)


def run_on_two_links(program: Path, *arguments: str) -> str:
    """What a Python program prints there. The links are a0 to a1 and b0 to b1; each end has fe80::NAME."""
    command = ["unshare", "-Urn", "sh", "-ec", SETUP, "sh", sys.executable, str(program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
