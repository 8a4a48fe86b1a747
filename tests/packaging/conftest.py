"""What the tests of the distributions share: a fresh clone, wheels made in it, and bare environments."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGINS = {path.parent.name: path.parent for path in sorted(ROOT.glob("plugins/*/pyproject.toml"))}
PROJECTS = {"bitboot_core": ROOT, **PLUGINS}
"""The folder of each distribution, by import name."""

WANTED_DOTS = {".gitignore", ".github", ".ci"}


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command, and return what it printed on stdout; fail with both streams where it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def fresh_clone(folder: Path) -> Path:
    """A copy of the sources as a clone would have them, without anything that was made here."""

    def unwanted(_: str, names: list[str]) -> set[str]:
        made = {"__pycache__", "build", "dist", "venv", "wheels"}
        return {
            name
            for name in names
            if name in made or name.endswith(".egg-info") or (name[0] == "." and name not in WANTED_DOTS)
        }

    return Path(shutil.copytree(ROOT, folder / "bitboot", ignore=unwanted))


class BareEnvironment:
    """A virtual environment with nothing in it, that installs from one folder of wheels and nowhere else."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder = folder
        self._wheels = wheels
        run(sys.executable, "-m", "venv", folder, cwd=folder.parent)

    def program(self, name: str) -> Path:
        """The path of one of its programs."""
        return (
            self.folder
            / ("Scripts" if os.name == "nt" else "bin")
            / (name + (".exe" if os.name == "nt" else ""))
        )

    def install(self, requirement: str) -> None:
        """Install from the folder of wheels alone, whatever pip is configured to do."""
        pip = (self.program("python"), "-m", "pip", "install", "--quiet", "--no-index")
        run(*pip, "--find-links", self._wheels, requirement, cwd=self.folder, env=without_pip_settings())

    def run(self, name: str, *arguments: str) -> str:
        """Run one of its programs in its folder; return what it printed on stdout."""
        return run(self.program(name), *arguments, cwd=self.folder)


def without_pip_settings() -> dict[str, str]:
    """This process's environment variables, but for what configures pip."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return env | {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone, for what the scripts make of it."""
    return fresh_clone(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="session")
def wheels(clone: Path) -> Path:
    """A folder with wheel and sdist of each distribution, and the wheels of what they need."""
    folder = clone / "wheels"
    script = clone / "scripts" / "wheels.py"
    run(sys.executable, script, folder, "--sdists", "--dependencies", cwd=clone)
    return folder


@pytest.fixture
def make_environment(wheels: Path, tmp_path: Path) -> Callable[[], BareEnvironment]:
    """A function that makes a bare environment."""
    return lambda: BareEnvironment(tmp_path / "environment", wheels)
