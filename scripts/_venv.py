"""A virtual environment of its own for each of the scripts beside this file.

Standard library only, and nothing that Python 3.6 could not parse: an old Python gets a message
instead of a syntax error.
"""

import os
import shutil
import subprocess
import sys
from typing import Any

from _steps import step

OLDEST = (3, 11)
NEWEST = (3, 15)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_UNFINISHED = "unfinished"


def check_python() -> None:
    """End with one line where this Python is too old, naming a newer one where there is one."""
    if sys.version_info >= OLDEST:
        return
    line = f"Bitboot needs Python 3.11 or later; this is {_version()} ({sys.executable})"
    nowhere = subprocess.DEVNULL
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        name = f"python3.{minor}"
        # A version manager's stand-in may be on PATH without the version itself: so ask it.
        if shutil.which(name) and subprocess.call([name, "--version"], stdout=nowhere, stderr=nowhere) == 0:
            line += f". Try: {name} {' '.join(sys.argv)}"
            break
    sys.exit(line)


def program_in(folder: str, name: str) -> str:
    """The path of a program of the virtual environment `folder`."""
    return os.path.join(folder, *(("Scripts", name + ".exe") if os.name == "nt" else ("bin", name)))


def ensure(name: str) -> str:
    """Make the virtual environment `name` at the repository's root unless it is there; return its path.

    One that works is kept, whichever Python it was made with. One that does not, since its Python is gone
    or the folder was moved, is made anew. One that somebody made by hand is left alone, and the script ends.
    """
    folder = os.path.join(ROOT, name)
    stamp = os.path.join(folder, "made-by.txt")
    made_for = read(stamp)
    if made_for == folder and _works(folder):
        return folder
    if made_for is None and os.path.exists(folder):
        sys.exit(f"{folder} was not made by this script: rename it or remove it")
    with step(f"making the virtual environment {name} with Python {_version()}"):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        write(stamp, _UNFINISHED)  # so that one that is interrupted is known for ours
        if subprocess.call([sys.executable, "-m", "venv", folder], cwd=ROOT):
            sys.exit(f"no virtual environment could be made: see above{_missing()}")
        write(stamp, folder)
    return folder


def _works(folder: str) -> bool:
    """Whether the virtual environment's Python runs, and is not too old."""
    check = f"import sys; sys.exit(sys.version_info < {OLDEST})"
    try:
        return subprocess.call([program_in(folder, "python"), "-c", check]) == 0
    except OSError:
        return False


def _version() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _missing() -> str:
    """What Debian and its like leave out of Python."""
    try:
        import ensurepip  # noqa: F401, PLC0415
    except ImportError:
        return ". The module ensurepip is missing: on Debian and Ubuntu, apt install python3-venv"
    return ""


def hand_over(command: "list[str]", **options: Any) -> int:
    """Run a command, with Popen's options; return its exit status. Ctrl-C is for it to handle."""
    process = subprocess.Popen(command, **options)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # it got the same signal, and ends in its own way


def read(path: str) -> "str | None":
    """The text of a file; None where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def write(path: str, text: str) -> None:
    """Replace the text of a file."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
