"""The README's first command in a fresh clone, on a machine with no compiler, and then with no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from .bare_machine import path_without_compiler, unplugged
from .conftest import fresh_clone, run, without_pip_settings

POSIX = pytest.mark.skipif(os.name == "nt", reason="a PATH of symbolic links")
UNPLUGGED = pytest.mark.skipif(
    not unplugged(), reason="THE NETWORK CANNOT BE UNPLUGGED HERE (unshare -n): nothing was tested without it"
)
MEGABYTES = 80


class Demo(NamedTuple):
    """A clone in which the script has run."""

    clone: Path
    path: str
    out: str
    steps: str

    def again(self, env: dict[str, str], *before: str) -> str:
        """Run it again after the words `before`, and find the five peers; what it said on stderr."""
        command = [*before, sys.executable, str(self.clone / "scripts" / "demo.py"), "--json"]
        env = env | {"PATH": self.path}
        done = subprocess.run(command, cwd=self.clone, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert_five_peers(done.stdout)
        return done.stderr


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The script's first run, with no compiler on PATH."""
    folder = tmp_path_factory.mktemp("demo")
    clone, path = fresh_clone(folder), path_without_compiler(folder / "bin")
    command = [f"{path}/python3", str(clone / "scripts" / "demo.py"), "--json"]
    env = os.environ | {"PATH": path}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return Demo(clone, path, done.stdout, done.stderr)


def assert_five_peers(out: str) -> None:
    events = [json.loads(line) for line in out.splitlines()]
    assert events[-1]["event"] == "done"
    assert events[-1]["peers"] == 5


def megabytes(folder: Path) -> float:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files) / 1e6


def files(folder: Path) -> Iterator[tuple[str, int]]:
    """An environment's files and the times of their last changes, but for what Python compiles as it runs."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            yield str(path), path.stat().st_mtime_ns


@POSIX
def test_with_no_compiler_five_peers_are_found(demo: Demo) -> None:
    assert_five_peers(demo.out)


@POSIX
def test_it_installs_what_comes_by_default_and_little_else(demo: Demo) -> None:
    python = demo.clone / ".venv" / "bin" / "python"
    listed = json.loads(run(python, "-m", "pip", "list", "--format=json", cwd=demo.clone))
    names = {entry["name"] for entry in listed}
    code = "import _projects; print(*map(_projects.name_of, _projects.default_set()))"
    default = run(sys.executable, "-c", code, cwd=demo.clone / "scripts").split()
    assert {name for name in names if name.startswith("bitboot")} == set(default)
    assert not names & {"libp2p", "trio", "hatchling", "pytest"}
    assert megabytes(demo.clone / ".venv") < MEGABYTES


@POSIX
def test_it_says_what_it_does_and_how_long_that_took(demo: Demo) -> None:
    steps = [line for line in demo.steps.splitlines() if line.endswith(" ...")]
    assert [line.split()[0] for line in steps] == ["making", "getting", "building", "installing"]
    assert demo.steps.count("  done in ") == len(steps)
    assert "  installed " in demo.steps


@POSIX
def test_the_command_is_where_the_readme_says(demo: Demo) -> None:
    assert "bitboot-btdht" in run(demo.clone / ".venv" / "bin" / "bitboot", "plugins", cwd=demo.clone)


@POSIX
@UNPLUGGED
@pytest.mark.parametrize("configured", [True, False])
def test_with_no_network_it_runs_again_and_builds_nothing(demo: Demo, configured: bool) -> None:
    before = list(files(demo.clone / ".venv"))
    env = dict(os.environ) if configured else without_pip_settings()
    assert demo.again(env, *unplugged()) == ""
    assert list(files(demo.clone / ".venv")) == before


@POSIX
@UNPLUGGED
def test_with_no_network_a_change_of_the_sources_is_installed(demo: Demo) -> None:
    source = demo.clone / "bitboot_core" / "__init__.py"
    with source.open("a", encoding="utf-8") as file:
        file.write("\nCHANGED = True\n")
    assert "building" in demo.again(without_pip_settings(), *unplugged())
    (installed,) = demo.clone.glob(".venv/lib/*/site-packages/bitboot_core/__init__.py")
    assert installed.read_bytes() == source.read_bytes()
    assert demo.again(without_pip_settings(), *unplugged()) == ""


@POSIX
@UNPLUGGED
def test_with_no_network_at_first_it_says_so(tmp_path: Path) -> None:
    clone = fresh_clone(tmp_path)
    command = [*unplugged(), sys.executable, str(clone / "scripts" / "demo.py")]
    env = without_pip_settings() | {"PIP_RETRIES": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Is there a network?" in done.stderr
    assert "Traceback" not in done.stderr


@POSIX
def test_an_environment_that_was_moved_is_made_anew(demo: Demo, tmp_path: Path) -> None:
    clone = tmp_path / "moved"
    shutil.copytree(demo.clone, clone, symlinks=True)
    make = (sys.executable, "-c", "import _venv; _venv.ensure('.venv')")
    run(*make, cwd=clone / "scripts")
    assert not (clone / ".venv" / "bin" / "bitboot").exists()  # its first line named the former folder
    run(*make, cwd=demo.clone / "scripts")
    assert (demo.clone / ".venv" / "bin" / "bitboot").exists()


def test_an_environment_that_somebody_made_by_hand_is_left_alone(tmp_path: Path) -> None:
    clone = fresh_clone(tmp_path)
    theirs = clone / ".venv" / "theirs.txt"
    theirs.parent.mkdir()
    theirs.write_text("precious", encoding="utf-8")
    command = [sys.executable, str(clone / "scripts" / "demo.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "was not made by this script" in done.stderr
    assert theirs.read_text(encoding="utf-8") == "precious"
