"""How the command that runs can be typed again, by whoever has a shell in this folder."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def this_command() -> str:
    """`bitboot` where that is the one on PATH, else its path, such as `.venv/bin/bitboot`.

    Started in another way, as by `python -m bitboot_core`, that is what is typed.
    """
    program = Path(sys.argv[0])
    if program.stem != "bitboot":
        return f"{_quoted(_short(Path(sys.executable)))} -m bitboot_core"
    on_path = shutil.which("bitboot")
    if on_path is not None and _same(Path(on_path), program):
        return "bitboot"
    return _quoted(_short(program))


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False  # Windows starts bitboot.exe, and may call it bitboot


def _short(path: Path) -> str:
    """The path as seen from here where it is below, else whole."""
    try:
        below = path.absolute().relative_to(Path.cwd())
    except ValueError:
        return str(path.absolute())
    # A shell looks for a name without a folder on PATH.
    return str(below) if len(below.parts) > 1 else os.path.join(os.curdir, below)


def _quoted(text: str) -> str:
    return text if os.name == "nt" else shlex.quote(text)
