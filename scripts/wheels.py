"""Build the wheels of all distributions into a folder.

    python3 scripts/wheels.py FOLDER                    of the core and of each plugin
    python3 scripts/wheels.py FOLDER --sdists           and their source distributions
    python3 scripts/wheels.py FOLDER --dependencies     and the wheels of what `bitboot-core[all]` needs

With the last, `pip install --no-index --find-links FOLDER "bitboot-core[all]"` works on a machine
of the same kind that has no network.
"""

import argparse
import os
import sys

import _projects
import _venv
from _pip import pip
from _steps import say, step

ENVIRONMENT = ".venv-build"


def main() -> int:
    """Build what is asked for; return the exit status."""
    _venv.check_python()
    parser = argparse.ArgumentParser(description="Build the wheels of all distributions into a folder.")
    parser.add_argument("folder")
    parser.add_argument("--sdists", action="store_true", help="source distributions too")
    parser.add_argument("--dependencies", action="store_true", help='and what "bitboot-core[all]" needs')
    asked = parser.parse_args()
    into = os.path.abspath(asked.folder)
    venv = _venv.ensure(ENVIRONMENT)
    _projects.build(venv, _projects.all_projects(), into, sdists=asked.sdists)
    if asked.dependencies:
        core, *plugins = _projects.wheels(_projects.default_set(), into)
        with step("getting the wheels of what they need"):
            pip(venv, "wheel", "--wheel-dir", into, f"{core}[all]", *plugins)
    say(f"{len(os.listdir(into))} files in {asked.folder}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
