"""Show Bitboot at work: make a virtual environment, install what comes by default, run `bitboot demo`.

    python3 scripts/demo.py             for people
    python3 scripts/demo.py --json      one JSON object per line

What it installs takes no compiler. The second time nothing is fetched, and nothing is built unless the
sources have changed. Afterwards the command is at .venv/bin/bitboot (on Windows .venv\\Scripts\\bitboot.exe).
"""

import os
import sys

import _projects
import _venv
from _pip import pip
from _steps import step

ENVIRONMENT = ".venv"


def main() -> int:
    """Make the environment, install, run the demo, return its exit status."""
    _venv.check_python()
    folder = _venv.ensure(ENVIRONMENT)
    install_default(folder)
    return _venv.hand_over([_venv.program_in(folder, "bitboot"), "demo", *sys.argv[1:]])


def install_default(folder: str) -> None:
    """Install the default set into the virtual environment `folder`, unless it is there as it is here."""
    projects = _projects.default_set()
    stamp = os.path.join(folder, "installed.txt")
    wanted = _projects.fingerprint(projects)
    before = _venv.read(stamp)
    if before == wanted:
        return
    into = os.path.join(folder, "wheels")
    _projects.build(folder, projects, into)
    core, *plugins = _projects.wheels(projects, into)
    with step(f"installing them and what they need into {ENVIRONMENT}"):
        _venv.write(stamp, "unfinished")
        # Python compiles what is used when it is used: to compile all of it takes longer than the demo.
        install = ["install", "--no-compile"]
        if before is not None:  # pip would leave what has the same version
            pip(folder, *install, "--no-index", "--no-deps", "--force-reinstall", core, *plugins)
        pip(folder, *install, f"{core}[all]", *plugins)
    _venv.write(stamp, wanted)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
