"""What holds for all distributions, and for the installation that is tested."""

from __future__ import annotations

import configparser
import importlib
import os
import re
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest

import bitboot_core

ROOT = Path(__file__).parents[1]
PROJECTS: dict[str, dict[str, Any]] = {
    path.parent.name if path.parent != ROOT else "bitboot_core": tomllib.loads(
        path.read_text(encoding="utf-8")
    )
    for path in [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]
}
CORE = PROJECTS["bitboot_core"]["project"]
PLUGINS = sorted(PROJECTS.keys() - {"bitboot_core"})
APART = {"bitboot_libp2p", "bitboot_serve"}
"""Not in the extra `all`: only for who asks for it."""

HEAVY = {"bitboot_libp2p"}
"""Those of them that the ordinary environments do not install."""


@pytest.mark.skipif("TOX_ENV_NAME" not in os.environ, reason="only tox promises to test what it installed")
@pytest.mark.parametrize("package", sorted(PROJECTS.keys() - HEAVY))
def test_the_installed_package_is_tested_and_not_the_source_tree(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__file__ is not None
    assert Path(sysconfig.get_path("purelib")) in Path(module.__file__).parents


def test_all_have_one_version() -> None:
    assert {project["project"]["version"] for project in PROJECTS.values()} == {bitboot_core.__version__}


def test_all_pins_among_us_are_to_that_version() -> None:
    requirements = [requirement for extra in CORE["optional-dependencies"].values() for requirement in extra]
    for plugin in PLUGINS:
        requirements += PROJECTS[plugin]["project"]["dependencies"]
    pins = [
        requirement
        for requirement in requirements
        if requirement.startswith("bitboot-") and "[" not in requirement
    ]
    assert pins
    assert {pin.partition("==")[2] for pin in pins} == {bitboot_core.__version__}


def test_the_changelog_tells_of_that_version() -> None:
    assert f"\n## {bitboot_core.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("package", PROJECTS)
def test_all_look_alike(package: str) -> None:
    """Name, licence, supported Pythons, build backend."""
    configuration = PROJECTS[package]
    project = configuration["project"]
    assert project["name"] == package.replace("_", "-")
    assert configuration["build-system"] == PROJECTS["bitboot_core"]["build-system"]
    for field in ("requires-python", "license", "readme"):
        assert project[field] == CORE[field]
    assert pythons(project) == pythons(CORE)
    folder = ROOT if package == "bitboot_core" else ROOT / "plugins" / package
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("plugin", PLUGINS)
def test_the_core_has_an_extra_for_each_plugin(plugin: str) -> None:
    name = plugin.removeprefix("bitboot_")
    extras = CORE["optional-dependencies"]
    assert extras[name] == [f"bitboot-{name}=={bitboot_core.__version__}"]
    assert (name in re.split(r"[\[\],]", extras["all"][0])) is (plugin not in APART)


def test_tox_tests_every_python_that_is_supported() -> None:
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    tested = {f"3.{minor}" for minor in re.findall(r"\bpy3(\d+)\b", tox)}
    assert pythons(CORE) <= tested


def test_tox_runs_one_suite_after_the_other() -> None:
    """Side by side, tests that use the same port or multicast group would meet."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    ordered = [name for name in tox["tox"]["env_list"].split(", ") if re.fullmatch(r"py3\d+|slow", name)]
    after: dict[str, set[str]] = {}
    for line in tox["testenv"]["depends"].strip().splitlines():
        names, _, earlier = line.partition(":")
        for name in names.split(","):
            after.setdefault(name.strip(), set()).update(one.strip() for one in earlier.split(","))
    assert len(ordered) >= 6
    assert {name: after.get(name, set()) for name in ordered} == {
        name: set(ordered[:number]) for number, name in enumerate(ordered)
    }


def test_what_one_python_leaves_out_another_environment_runs() -> None:
    """Whatever is marked is in one of the two, and nothing in both."""
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert re.findall(r'^ +(!?slow): pytest -m "([^"]+)"', tox, re.MULTILINE) == [
        ("!slow", "not slow and not once"),
        ("slow", "slow or once"),
    ]


def test_tox_installs_every_plugin() -> None:
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    assert set(re.findall(r"\./plugins/(\w+)", tox)) == set(PLUGINS)


def test_no_folder_of_tests_is_a_package() -> None:
    """Two packages named "tests" would get in each other's way: see pyproject.toml."""
    assert [*ROOT.glob("tests/**/__init__.py"), *ROOT.glob("plugins/*/tests/**/__init__.py")] == []


def pythons(project: dict[str, Any]) -> set[str]:
    """The Python versions that a project says it supports."""
    found = (
        re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line) for line in project["classifiers"]
    )
    return {match.group(1) for match in found if match}
