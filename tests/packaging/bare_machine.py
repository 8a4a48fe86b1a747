"""A machine as bare as those that the README's first command must work on: no compiler, no network."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from pathlib import Path

COMPILERS = ("cc", "c++", "gcc", "g++", "clang", "clang++", "tcc", "rustc", "cargo")

# A new network namespace has a loopback interface that is down.
_UP = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
os.execv(sys.argv[1], sys.argv[1:])
"""


def path_without_compiler(folder: Path) -> str:
    """A PATH of one folder, which is made here: Python, a shell, and little else."""
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    for name in ("sh", "env", "uname"):
        found = shutil.which(name)
        if found is not None:
            (folder / name).symlink_to(found)
    path = str(folder)
    assert [name for name in COMPILERS if shutil.which(name, path=path)] == []
    return path


@functools.cache
def unplugged() -> list[str]:
    """What to put before a command (whose program is an absolute path) so that it runs with no network.

    Empty where this machine does not let us.
    """
    program = shutil.which("unshare")
    for options in ("-n", "-rn"):
        prefix = [program or "unshare", options, sys.executable, "-c", _UP]
        nothing = [*prefix, sys.executable, "-c", ""]
        if program and subprocess.run(nothing, capture_output=True, check=False).returncode == 0:
            return prefix
    return []
