"""Show Bitboot at work: make a virtual environment, install the core and its plugins, run `bitboot demo`.

    python3 scripts/demo.py             for people
    python3 scripts/demo.py --json      one JSON object a line

It needs no network but the one inside this machine once everything is installed. Afterwards the
command is at .venv/bin/bitboot (on Windows .venv\\Scripts\\bitboot.exe).
"""

import glob
import os
import sys

import _venv

PLUGINS = os.path.join(_venv.ROOT, "plugins", "*", "pyproject.toml")


def main() -> int:
    """Make the environment, install, run the demo, return its exit status."""
    _venv.check_python()
    folder = _venv.ensure(".venv")
    _venv.say("installing Bitboot, its plugins and its command line")
    # Every time, so that what runs is what stands here.
    _venv.install(folder, ".[cli]", *map(os.path.dirname, sorted(glob.glob(PLUGINS))))
    return _venv.hand_over([_venv.program_in(folder, "bitboot"), "demo", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
