"""A virtual environment of its own for each of the scripts beside this file.

Standard library only, and nothing that Python 3.6 could not parse: an old Python gets a message
instead of a syntax error.
"""

import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
NEWEST = (3, 14)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def check_python() -> None:
    """End with one line where this Python is too old, naming a newer one where there is one."""
    if sys.version_info >= OLDEST:
        return
    version = ".".join(map(str, sys.version_info[:3]))
    line = f"Bitboot needs Python 3.11 or later; this is {version} ({sys.executable})"
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
    """Make the virtual environment `name` at the repository's root unless it is there; return its path."""
    folder = os.path.join(ROOT, name)
    made_by = f"{sys.version} {sys.executable}"
    stamp = os.path.join(folder, "made-by.txt")
    if _read(stamp) == made_by and os.path.exists(program_in(folder, "python")):
        return folder
    say(f"making the virtual environment {name}")
    _run([sys.executable, "-m", "venv", "--clear", folder], why="the modules venv and ensurepip are needed")
    _write(stamp, made_by)  # last, so that one that was interrupted is made again
    return folder


def install(folder: str, *requirements: str) -> None:
    """Install into the virtual environment `folder`; paths are taken from the repository's root."""
    # Errors only: what else pip has to say is nothing that whoever runs this could act on.
    quietly = ["--quiet", "--quiet", "--disable-pip-version-check"]
    command = [program_in(folder, "python"), "-m", "pip", "install", *quietly]
    _run([*command, *requirements], why="pip could not install what is needed: see above")


def install_once(folder: str, *requirements: str) -> None:
    """The same, and nothing at all where the last call asked for the same."""
    stamp = os.path.join(folder, "installed.txt")
    wanted = "\n".join(requirements)
    if _read(stamp) != wanted:
        say(f"installing {', '.join(requirements)}")
        install(folder, *requirements)
        _write(stamp, wanted)


def hand_over(command: "list[str]", env: "dict[str, str] | None" = None) -> int:
    """Run a command at the repository's root; return its exit status. Ctrl-C is for it to handle."""
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # it got the same signal, and ends in its own way


def say(line: str) -> None:
    """Tell the user what is going on, on stderr: stdout belongs to the command."""
    print(line, file=sys.stderr, flush=True)


def _run(command: "list[str]", why: str) -> None:
    status = subprocess.call(command, cwd=ROOT)
    if status:
        sys.exit(f"failed with status {status}: {' '.join(command)}\n{why}")


def _read(path: str) -> "str | None":
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
