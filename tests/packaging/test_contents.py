"""Each distribution holds its own package and nothing of the others."""

import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from .conftest import PLUGINS, PROJECTS, run


def wheel_names(wheels: Path, distribution: str) -> list[str]:
    with zipfile.ZipFile(the_wheel(wheels, distribution)) as wheel:
        return wheel.namelist()


def the_wheel(wheels: Path, distribution: str) -> Path:
    (path,) = wheels.glob(f"{distribution}-*.whl")
    return path


def sdist_names(wheels: Path, distribution: str) -> list[str]:
    (path,) = wheels.glob(f"{distribution}-*.tar.gz")
    with tarfile.open(path) as sdist:
        return [name.partition("/")[2] for name in sdist.getnames()]


@pytest.mark.parametrize("distribution", PROJECTS)
def test_a_wheel_holds_its_package_and_its_metadata(wheels: Path, distribution: str) -> None:
    names = wheel_names(wheels, distribution)
    tops = {name.partition("/")[0] for name in names}
    assert len(tops) == 2
    assert {top.partition("-")[0] for top in tops} == {distribution}
    assert f"{distribution}/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_core_s_sdist_holds_nothing_of_plugins_and_tests(wheels: Path) -> None:
    names = sdist_names(wheels, "bitboot_core")
    tops = {name.partition("/")[0] for name in names}
    assert tops == {
        "bitboot_core",
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "PKG-INFO",
        ".gitignore",
    }


@pytest.mark.parametrize("distribution", PLUGINS)
def test_a_plugin_s_sdist_holds_its_sources(wheels: Path, distribution: str) -> None:
    names = sdist_names(wheels, distribution)
    assert f"src/{distribution}/plugin.py" in names
    assert "README.md" in names
    assert not any(name.startswith("bitboot_core") for name in names)


@pytest.mark.parametrize("distribution", PLUGINS)
def test_a_plugin_s_wheel_says_where_its_hooks_are(wheels: Path, distribution: str) -> None:
    with zipfile.ZipFile(the_wheel(wheels, distribution)) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
        text = wheel.read(name).decode()
    assert "[bitboot]" in text
    assert f"= {distribution}.plugin" in text


@pytest.mark.parametrize("distribution", PROJECTS)
def test_an_sdist_makes_the_same_wheel_as_the_tree(
    wheels: Path, clone: Path, distribution: str, tmp_path: Path
) -> None:
    (path,) = wheels.glob(f"{distribution}-*.tar.gz")
    with tarfile.open(path) as sdist:
        sdist.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    env = os.environ | {"PYTHONPATH": str(clone / ".venv-build" / "build-tools")}
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path, cwd=unpacked, env=env)
    assert contents(the_wheel(tmp_path, distribution)) == contents(the_wheel(wheels, distribution))


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as wheel:
        return {name: wheel.read(name) for name in wheel.namelist()}
