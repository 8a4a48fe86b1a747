"""Do the tests notice when the code is wrong? mutmut changes it in many small ways, and runs them after each.

    tox -e mutation                              all mutants of all parts, for many hours
    tox -e mutation -- swarms                    one part: swarms, lookup, table or server
    tox -e mutation -- --sample 100 --seed 1     100 mutants of each part, the same ones each time

Fails where fewer than 85 % of a part's mutants are killed. Survivors are shown with what was changed. The
rest is in build/mutation/PART: `cd build/mutation/swarms; mutmut results; mutmut show NAME`.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build" / "mutation"
ENOUGH = 0.85
KILLED = ("killed", "timeout")
SPINNER = tuple("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
"""What a line of mutmut begins with that only shows that it is at work."""

MAINLINE = "plugins/bitboot_btdht"
PARTS = {
    "swarms": (
        "bitboot_core/_swarms",
        [
            "tests/core/swarms",
            "tests/core/networks",
            "tests/core/test_bitboot.py",
            "tests/core/test_conveniences.py",
            "tests/core/test_errors.py",
            "tests/core/test_many_networks.py",
        ],
    ),
    "lookup": ("bitboot_btdht/lookup", [f"{MAINLINE}/tests/lookup", f"{MAINLINE}/tests/test_simulated.py"]),
    "table": (
        "bitboot_btdht/table",
        [f"{MAINLINE}/tests/table", f"{MAINLINE}/tests/test_bep5.py", f"{MAINLINE}/tests/test_simulated.py"],
    ),
    "server": ("bitboot_btdht/server", [f"{MAINLINE}/tests/server", f"{MAINLINE}/tests/test_bep5.py"]),
}
"""What is changed, and the tests that have to notice."""

COST = """\
A part's tests take about a minute of one core, and run twice before the first mutant. A mutant that is
killed takes a few seconds, a survivor as long as all tests that reach it. A part has 600 to 1300 mutants: all
of them are hours of one core, a sample of 60 some ten minutes, longer on a busy machine.
"""

SETTINGS = """\
[mutmut]
source_paths=
    bitboot_core/
    bitboot_btdht/
only_mutate=
    {part}/*
process_isolation=forkserver
track_dependencies=false
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
    --timeout=900
pytest_add_cli_args_test_selection=
    {tests}
"""


FOR_PYTEST = '''


def pytest_collection_modifyitems(items):
    """Most mutants are killed by many tests, so the quickest ones of them come first."""
    import json
    import pathlib

    stats = pathlib.Path("mutmut-stats.json")
    if stats.exists():
        seconds = json.loads(stats.read_text("utf-8"))["duration_by_test"]
        items.sort(key=lambda item: seconds.get(item.nodeid, 0.0))
        for item in items:  # mutants that hang are many, and this machine may be busy
            item.add_marker(pytest.mark.timeout(30 + 10 * seconds.get(item.nodeid, 0.0)))
'''


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
    shutil.copy(ROOT / "pyproject.toml", folder)
    conftest = (ROOT / "conftest.py").read_text("utf-8")
    (folder / "conftest.py").write_text(conftest + FOR_PYTEST, encoding="utf-8")
    (folder / "setup.cfg").write_text(
        SETTINGS.format(part=part, tests="\n    ".join(tests)), encoding="utf-8"
    )
    return folder


def mutmut(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command of mutmut, with its output and its exit status."""
    return subprocess.run(
        [sys.executable, "-m", "mutmut", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def fates(folder: Path) -> dict[str, str]:
    """What became of each mutant as far as it is known: killed, survived, timeout, not checked, …"""
    listed = mutmut(folder, "results", "--all", "true").stdout
    return dict(line.strip().split(": ", 1) for line in listed.splitlines() if ": " in line)


def make_mutants(name: str, folder: Path) -> set[str]:
    """Make all mutants and learn which tests reach what. Returns the functions that tests reach."""
    print(f"{name}: making mutants and running the tests without any", flush=True)
    # mutmut has no command for this alone. Asked for a mutant that does not exist, it ends after this step.
    done = mutmut(folder, "run", "none")
    stats = folder / "mutants" / "mutmut-stats.json"
    if not stats.exists() or "nothing matches" not in done.stderr:
        told = "\n".join(line for line in done.stdout.splitlines() if not line.startswith(SPINNER))
        sys.exit(f"{name}: mutmut could not begin\n{told[-4000:]}\n{done.stderr[-4000:]}")
    reached = json.loads(stats.read_text("utf-8"))["tests_by_mangled_function_name"]
    return {function for function, tests in reached.items() if tests}


def test_mutants(name: str, folder: Path, mutants: list[str], children: int) -> None:
    """Run the tests of each mutant, with a line on the progress every half minute."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(children), *mutants]
    log = folder / "mutmut.log"
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        while process.poll() is None:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                seen = fates(folder)
                counts = Counter(seen.get(mutant, "not checked") for mutant in mutants)
                left = counts.pop("not checked", 0)
                print(f"{name}: {len(mutants) - left} of {len(mutants)} tested: {said(counts)}", flush=True)
    if process.returncode:
        sys.exit(f"{name}: mutmut failed\n{log.read_text('utf-8')[-4000:]}")


def said(counts: Counter[str]) -> str:
    """Counts of fates as words."""
    return ", ".join(f"{count} {fate}" for fate, count in counts.most_common()) or "none yet"


def run(name: str, children: int, sample: int | None, seed: int) -> bool:
    """Whether enough of a part's mutants are killed."""
    folder = lay_out(name)
    reached = make_mutants(name, folder)
    every = sorted(fates(folder))
    chosen = every
    if sample is not None and sample < len(every):
        chosen = sorted(random.Random(f"{seed} {name}").sample(every, sample))
    # mutmut names a mutant after its function: FUNCTION__mutmut_NUMBER.
    tested = [mutant for mutant in chosen if mutant.rpartition("__mutmut_")[0] in reached]
    print(f"{name}: {len(every)} mutants, {len(chosen)} chosen, {len(tested)} reached by tests", flush=True)
    test_mutants(name, folder, tested, children)

    seen = fates(folder)
    fate = {mutant: seen[mutant] if mutant in set(tested) else "not reached" for mutant in chosen}
    for mutant in chosen:
        if fate[mutant] not in KILLED:
            show = mutmut(folder, "show", mutant)
            print(f"\n{fate[mutant]}: {mutant}\n{show.stdout or show.stderr}")
    counts = Counter(fate.values())
    killed = sum(counts[one] for one in KILLED)
    of = f"{len(chosen)} mutants" + (
        f" (a sample of {len(every)}, seed {seed})" if chosen is not every else ""
    )
    print(f"{name}: {killed / len(chosen):.1%} of {of} killed: {said(counts)}", flush=True)
    return killed >= ENOUGH * len(chosen)


def main() -> int:
    """Exit status 1 where a part has too many survivors."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=COST, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all by default")
    parser.add_argument(
        "--sample", type=int, metavar="N", help="only N mutants of each part, drawn at random"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="which ones are drawn (default: 1)")
    parser.add_argument(
        "--children", type=int, default=1, metavar="N", help="how many run side by side (default: 1)"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    if arguments.children < 1 or (arguments.sample is not None and arguments.sample < 1):
        parser.error("--sample and --children are at least 1")
    good = [
        run(name, arguments.children, arguments.sample, arguments.seed) for name in arguments.parts or PARTS
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
