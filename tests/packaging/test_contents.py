"""Each distribution holds its own package and nothing of the others."""

import tarfile
import zipfile
from pathlib import Path

import pytest

from .conftest import PLUGINS, PROJECTS


def wheel_names(dists: Path, distribution: str) -> list[str]:
    (path,) = dists.glob(f"{distribution}-*.whl")
    with zipfile.ZipFile(path) as wheel:
        return wheel.namelist()


def sdist_names(dists: Path, distribution: str) -> list[str]:
    (path,) = dists.glob(f"{distribution}-*.tar.gz")
    with tarfile.open(path) as sdist:
        return [name.partition("/")[2] for name in sdist.getnames()]


@pytest.mark.parametrize("distribution", PROJECTS)
def test_a_wheel_holds_its_package_and_its_metadata(dists: Path, distribution: str) -> None:
    names = wheel_names(dists, distribution)
    tops = {name.partition("/")[0] for name in names}
    assert len(tops) == 2
    assert {top.partition("-")[0] for top in tops} == {distribution}
    assert f"{distribution}/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_core_s_sdist_holds_nothing_of_plugins_and_tests(dists: Path) -> None:
    names = sdist_names(dists, "bitboot_core")
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
def test_a_plugin_s_sdist_holds_its_sources(dists: Path, distribution: str) -> None:
    names = sdist_names(dists, distribution)
    assert f"src/{distribution}/plugin.py" in names
    assert "README.md" in names
    assert not any(name.startswith("bitboot_core") for name in names)


@pytest.mark.parametrize("distribution", PLUGINS)
def test_a_plugin_s_wheel_says_where_its_hooks_are(dists: Path, distribution: str) -> None:
    (path,) = dists.glob(f"{distribution}-*.whl")
    with zipfile.ZipFile(path) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
        text = wheel.read(name).decode()
    assert "[bitboot]" in text
    assert f"= {distribution}.plugin" in text
