"""A virtual environment of its own for each of the scripts beside this file.

Standard library only, and written so that any Python 3 can parse it: an old one gets a message
instead of a syntax error.
"""

import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
NEWEST = (3, 14)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def check_python():
    """End with one line where this Python is too old, naming a newer one where there is one."""
    if sys.version_info >= OLDEST:
        return
    line = "Bitboot needs Python 3.11 or later; this is {}.{}.{} ({})".format(*sys.version_info[:3], sys.executable)
    nowhere = subprocess.DEVNULL
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        name = "python3.{}".format(minor)
        if shutil.which(name) and subprocess.call([name, "--version"], stdout=nowhere, stderr=nowhere) == 0:
            line += ". Try: {} {}".format(name, " ".join(sys.argv))
            break
    sys.exit(line)


def python_in(folder):
    """The path of the interpreter of the virtual environment `folder`."""
    return os.path.join(folder, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


def script_in(folder, name):
    """The path of the console script `name` of the virtual environment `folder`."""
    return os.path.join(folder, *(("Scripts", name + ".exe") if os.name == "nt" else ("bin", name)))


def ensure(name):
    """Make the virtual environment `name` below the repository's root, unless it is there; return its path."""
    folder = os.path.join(ROOT, name)
    made_by = "{} {}".format(sys.version, sys.executable)
    stamp = os.path.join(folder, "made-by.txt")
    if _read(stamp) == made_by and os.path.exists(python_in(folder)):
        return folder
    say("making the virtual environment {}".format(name))
    run([sys.executable, "-m", "venv", "--clear", folder], why="python3-venv may be missing on this machine")
    _write(stamp, made_by)  # last, so that one that was interrupted is made again
    return folder


def install(folder, *requirements):
    """Install `requirements` into the virtual environment `folder`; paths are taken from the repository's root."""
    command = [python_in(folder), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(command + list(requirements), why="pip could not install what is needed: see above")


def install_once(folder, *requirements):
    """The same, and nothing at all where the last call asked for the same."""
    stamp = os.path.join(folder, "installed.txt")
    wanted = "\n".join(requirements)
    if _read(stamp) != wanted:
        say("installing {}".format(", ".join(requirements)))
        install(folder, *requirements)
        _write(stamp, wanted)


def run(command, why):
    """Run a command at the repository's root; end with `why` where it fails."""
    status = subprocess.call(command, cwd=ROOT)
    if status:
        sys.exit("failed ({}): {}\n{}".format(status, " ".join(command), why))


def hand_over(command, env=None):
    """Run a command at the repository's root, and return its exit status. Ctrl-C is the command's to handle."""
    process = subprocess.Popen(command, cwd=ROOT, env=env)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # it got the same signal, and ends in its own way


def say(line):
    """Tell the user what is going on, on stderr: stdout belongs to the command."""
    print(line, file=sys.stderr)
    sys.stderr.flush()


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return None


def _write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
