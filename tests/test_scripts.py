"""The scripts before they have made anything: Pythons that are too old, and what is installed by default."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(path for path in ROOT.glob("scripts/*.py") if path.stem not in {"screenshots", "mutation"})


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_an_old_python_can_read_them(path: Path) -> None:
    """So that it can say that it is too old."""
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))


def in_scripts(code: str) -> subprocess.CompletedProcess[str]:
    """Run code that imports the modules of scripts/."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT / "scripts", capture_output=True, text=True, check=False)


def test_a_python_that_is_too_old_says_so_in_one_line() -> None:
    old = "import sys; sys.version_info = (3, 10, 1, 'final', 0); import _venv; _venv.check_python()"
    done = in_scripts(old)
    assert done.returncode == 1
    assert done.stderr.startswith("Bitboot needs Python 3.11 or later; this is 3.10.1 (")
    assert done.stderr.count("\n") == 1


def test_the_default_set_is_the_core_and_what_its_extra_all_brings() -> None:
    done = in_scripts("import _projects; print(*map(_projects.name_of, _projects.default_set()))")
    core = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = core["optional-dependencies"]
    plugins = [extra for extra in extras if extras[extra] == [f"bitboot-{extra}=={core['version']}"]]
    (everything,) = extras["all"]
    assert done.stdout.split()[0] == "bitboot-core"
    assert set(done.stdout.split()[1:]) == {f"bitboot-{extra}" for extra in plugins if extra in everything}
    assert "bitboot-libp2p" not in done.stdout


def test_what_goes_into_a_wheel_is_in_its_fingerprint() -> None:
    code = "import _projects; print(*_projects.sources(_projects.all_projects()[{}]), sep=chr(10))"
    core, plugin = (in_scripts(code.format(number)).stdout.splitlines() for number in (0, 1))
    expected = [
        path for path in (ROOT / "bitboot_core").rglob("*") if path.is_file() and path.suffix != ".pyc"
    ]
    assert {str(path) for path in expected} <= set(core)
    assert str(ROOT / "pyproject.toml") in core
    assert any(path.endswith("plugin.py") for path in plugin)
    assert not [path for path in core + plugin if "__pycache__" in path]
