"""Do the tests notice when the code is wrong? mutmut changes it in many small ways, and runs them after each.

    tox -e mutation                  all parts, for hours
    tox -e mutation -- swarms        one part: swarms, lookup, table or server

Fails where fewer than 85 % of a part's mutants are killed. Each one's fate is in build/mutation/PART:
`cd build/mutation/swarms; mutmut results; mutmut show NAME`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "mutation"
ENOUGH = 0.85

MAINLINE = "plugins/bitboot_btdht"
PARTS = {
    "swarms": (
        "bitboot_core/_swarms",
        ["tests/core/swarms", "tests/core/test_bitboot.py", "tests/core/test_many_networks.py"],
    ),
    "lookup": ("bitboot_btdht/lookup", [f"{MAINLINE}/tests/lookup", f"{MAINLINE}/tests/test_simulated.py"]),
    "table": ("bitboot_btdht/table", [f"{MAINLINE}/tests/table", f"{MAINLINE}/tests/test_simulated.py"]),
    "server": ("bitboot_btdht/server", [f"{MAINLINE}/tests/server", f"{MAINLINE}/tests/test_bep5.py"]),
}
"""What is changed, and the tests that have to notice."""

SETTINGS = """\
[mutmut]
source_paths=
    bitboot_core/
    bitboot_btdht/
only_mutate=
    {part}/*
also_copy=
    tests/
    plugins/
    conftest.py
    pyproject.toml
pytest_add_cli_args=
    -m
    not slow
    -p
    no:cacheprovider
pytest_add_cli_args_test_selection=
    {tests}
"""


def lay_out(name: str) -> Path:
    """A copy of the code and its tests with both packages on top, which is where mutmut looks for them."""
    part, tests = PARTS[name]
    folder = BUILD / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    without = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(ROOT / "bitboot_core", folder / "bitboot_core", ignore=without)
    shutil.copytree(ROOT / MAINLINE / "src" / "bitboot_btdht", folder / "bitboot_btdht", ignore=without)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=without)
    shutil.copytree(ROOT / MAINLINE / "tests", folder / MAINLINE / "tests", ignore=without)
    for file in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / file, folder / file)
    (folder / "setup.cfg").write_text(
        SETTINGS.format(part=part, tests="\n    ".join(tests)), encoding="utf-8"
    )
    return folder


def run(name: str, children: int) -> bool:
    """Whether enough of a part's mutants are killed."""
    folder = lay_out(name)
    mutmut = [sys.executable, "-m", "mutmut"]
    subprocess.run([*mutmut, "run", "--max-children", str(children)], cwd=folder, check=True)
    subprocess.run([*mutmut, "export-cicd-stats"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    stats = json.loads((folder / "mutants" / "mutmut-cicd-stats.json").read_text("utf-8"))
    total = stats["total"] - stats["skipped"]
    killed = stats["killed"] + stats["timeout"]
    print(f"{name}: {killed} of {total} mutants killed ({killed / total:.1%}); {stats}")
    return bool(killed >= ENOUGH * total)


def main() -> int:
    """Exit status 1 where a part has too many survivors."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all by default")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="how many run side by side")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    good = [run(name, arguments.children) for name in arguments.parts or PARTS]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
