"""pip, with a line for each package that it fetches, and everything that it said where it fails."""

import os
import re
import subprocess
import sys

import _venv
from _steps import say, step

# pip's own words. Where another pip has others, it is only that these lines are missing.
_FETCHED = re.compile(r"^\s*(Downloading|Using cached) (?:\S*/)?(\S+\.(?:whl|tar\.gz|zip))( \(.*\))?$")
_NO_ANSWER = re.compile(r"^WARNING: Retrying \(")


def pip(folder: str, command: str, *arguments: str) -> None:
    """Run a command of the pip of the virtual environment `folder`, at the repository's root.

    Ends the script where it fails.
    """
    options = ["--disable-pip-version-check", "--no-input", "--no-color", "--progress-bar=off"]
    whole = [_venv.program_in(folder, "python"), "-m", "pip", command, *options, *arguments]
    said = []
    process = subprocess.Popen(
        whole, cwd=_venv.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    waited = False
    for line in process.stdout:
        if not _NO_ANSWER.match(line):
            said.append(line)
            _show(line.rstrip())
        elif not waited:
            waited = True
            say("  no answer from the package index; trying again, which can take a minute")
    if process.wait():
        sys.stderr.writelines(said)
        offline = ". Is there a network? What is not here yet has to be fetched" if waited else ""
        sys.exit(f"pip could not get what is needed: see above{offline}")


def install_once(folder: str, *requirements: str) -> None:
    """Install into the virtual environment `folder`, unless the last call asked for the same."""
    stamp = os.path.join(folder, "installed.txt")
    wanted = "\n".join(requirements)
    if _venv.read(stamp) != wanted:
        with step(f"installing {', '.join(requirements)} into {os.path.basename(folder)}"):
            pip(folder, "install", *requirements)
        _venv.write(stamp, wanted)


def _show(line: str) -> None:
    fetched = _FETCHED.match(line)
    if fetched:
        how, name, size = fetched.groups()
        say(f"  {'fetched' if how == 'Downloading' else 'had'} {name}{size or ''}")
    elif line.startswith("Successfully installed"):
        say(f"  installed {line.partition('installed ')[2]}")
