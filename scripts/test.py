"""Run the tests: make a virtual environment with tox in it, then run tox.

    python3 scripts/test.py                 everything that tox.ini lists, several environments side by side
    python3 scripts/test.py -e py311        one environment
    python3 scripts/test.py -e py311 -- -k announce

Arguments are tox's. Interpreters that pyenv installed are found although they are not on PATH.
"""

import glob
import os
import re
import sys

import _venv
from _pip import install_once

REQUIREMENT = "tox>=4.25"


def pyenv_interpreters() -> "list[str]":
    """The interpreters that pyenv (or pyenv-win) has installed and Bitboot supports, newest first."""
    root = os.environ.get("PYENV_ROOT") or os.path.join(os.path.expanduser("~"), ".pyenv")
    found = []
    for pattern in (
        os.path.join(root, "versions", "*", "bin", "python"),
        os.path.join(root, "pyenv-win", "versions", "*", "python.exe"),
    ):
        for path in glob.glob(pattern):
            version = re.search(r"versions[\\/](3)\.(\d+)\.(\d+)[\\/]", path)
            if version and (int(version.group(1)), int(version.group(2))) >= _venv.OLDEST:
                found.append((tuple(int(number) for number in version.groups()), path))
    return [path for _, path in sorted(found, reverse=True)]


def main() -> int:
    """Make the environment, hand over to tox, return its exit status."""
    _venv.check_python()
    folder = _venv.ensure(".venv-test")
    install_once(folder, REQUIREMENT)
    env = dict(os.environ)
    interpreters = pyenv_interpreters()
    if interpreters and "TOX_DISCOVER" not in env:
        env["TOX_DISCOVER"] = "\n".join(interpreters)
    tox = [_venv.program_in(folder, "python"), "-m", "tox"]
    how = ["run", *sys.argv[1:]] if sys.argv[1:] else ["run-parallel", "--parallel", "auto"]
    return _venv.hand_over([*tox, *how], cwd=_venv.ROOT, env=env)


if __name__ == "__main__":
    sys.exit(main())
