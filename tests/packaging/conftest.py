"""What the tests of the distributions share: everything built once, and bare environments."""

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


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command, and return what it printed on stdout; fail with both streams where it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


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
        env = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        env |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        pip = (self.program("python"), "-m", "pip", "install", "--quiet", "--no-index")
        run(*pip, "--find-links", self._wheels, requirement, cwd=self.folder, env=env)

    def run(self, name: str, *arguments: str) -> str:
        """Run one of its programs in its folder; return what it printed on stdout."""
        return run(self.program(name), *arguments, cwd=self.folder)


@pytest.fixture(scope="session")
def dists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of each distribution, and the wheel that was built from that sdist."""
    folder = tmp_path_factory.mktemp("dists")
    for project in PROJECTS.values():
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, project, cwd=folder)
    return folder


@pytest.fixture(scope="session")
def wheels(dists: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with our wheels, and those of everything that they need."""
    folder = tmp_path_factory.mktemp("wheels")
    (core,) = dists.glob("bitboot_core-*.whl")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check")
    run(*pip, "--wheel-dir", folder, "--find-links", dists, f"{core}[all]", cwd=folder)
    for wheel in dists.glob("*.whl"):
        shutil.copy(wheel, folder)  # ours, whatever else goes by that name
    return folder


@pytest.fixture
def make_environment(wheels: Path, tmp_path: Path) -> Callable[[], BareEnvironment]:
    """A function that makes a bare environment."""
    return lambda: BareEnvironment(tmp_path / "environment", wheels)
