"""What the publishing workflow runs before it uploads anything, step by step."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import PROJECTS, ROOT, fresh_clone

WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text("utf-8"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the workflow runs on Linux")


def commands() -> list[str]:
    return [step["run"] for step in WORKFLOW["jobs"]["build"]["steps"] if "run" in step]


def run_step(command: str, folder: Path, tag: str) -> subprocess.CompletedProcess[str]:
    """Run a step as the forge would: with its shell, `python3` being the Python that was set up."""
    programs = folder.parent / "bin"
    programs.mkdir(exist_ok=True)
    if not (programs / "python3").exists():
        (programs / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
        (programs / "python3").chmod(0o755)
    env = os.environ | {"GITHUB_REF_NAME": tag, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    shell = ["bash", "-e", "-o", "pipefail", "-c", command]
    return subprocess.run(shell, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_a_tag_that_is_not_the_version_stops_it(tmp_path: Path) -> None:
    (check, *_), clone = commands(), fresh_clone(tmp_path)
    assert run_step(check, clone, "v9.9.9").returncode != 0
    assert run_step(check, clone, f"v{VERSION}").returncode == 0


def test_it_builds_everything_and_says_what_is_in_it(tmp_path: Path) -> None:
    clone = fresh_clone(tmp_path)
    for command in commands():
        done = run_step(command, clone, f"v{VERSION}")
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    endings = ("-py3-none-any.whl", ".tar.gz")
    expected = {f"{name}-{VERSION}{ending}" for name in PROJECTS for ending in endings}
    assert {path.name for path in (clone / "dist").iterdir()} == expected
    materials = json.loads((clone / "build" / "sbom" / "bitboot.cdx.json").read_text(encoding="utf-8"))
    assert materials["metadata"]["component"]["name"] == "bitboot-core"
    names = {component["name"] for component in materials["components"]}
    assert {"bitboot-btdht", "click", "pluggy", "kademlia"} <= names
    assert not names & {"pip", "cyclonedx-bom", "hatchling"}


def step_with(job: str, action: str) -> dict[str, Any]:
    """The step of a job that uses an action, whichever version of it."""
    steps = WORKFLOW["jobs"][job]["steps"]
    found: list[dict[str, Any]] = [step for step in steps if step.get("uses", "").startswith(f"{action}@")]
    (step,) = found
    return step


def test_the_engine_is_compiled_for_every_python_of_each_platform() -> None:
    job, step = WORKFLOW["jobs"]["compiled"], step_with("compiled", "pypa/cibuildwheel")
    systems = {runner.partition("-")[0] for runner in job["strategy"]["matrix"]["runner"]}
    assert systems == {"ubuntu", "macos", "windows"}
    folder = ROOT / step["with"]["package-dir"]
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    pythons = [one.rpartition(" ")[2] for one in project["classifiers"] if "Python :: 3." in one]
    assert step["env"]["CIBW_BUILD"].split() == [f"cp{python.replace('.', '')}-*" for python in pythons]
    assert step["env"]["CIBW_ENVIRONMENT"] == "BITBOOT_COMPILE=1"


def test_what_compiles_the_engine_is_there_before_it_is_built() -> None:
    """It is built without isolation: the core of its version is at no package index yet."""
    step = step_with("compiled", "pypa/cibuildwheel")
    folder = ROOT / step["with"]["package-dir"]
    hook = (folder / "hatch_build.py").read_text("utf-8")
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    (stated,) = re.findall(r"return \[(\"mypy.*)\]", hook)
    needed = [*project["build-system"]["requires"], *re.findall(r'(?<!f)"([^"]+)"', stated)]
    installed = shlex.split(step["env"]["CIBW_BEFORE_BUILD"])
    assert installed[:4] == ["python", "-m", "pip", "install"]
    assert set(installed[4:]) == {*(one for one in needed if not one.startswith("bitboot-core")), "{project}"}
    assert "--no-build-isolation" in step["env"]["CIBW_BUILD_FRONTEND"]


def test_all_that_is_compiled_is_there() -> None:
    """Of a folder or a file that was renamed mypyc would hear nothing."""
    folder = ROOT / step_with("compiled", "pypa/cibuildwheel")["with"]["package-dir"]
    (listed,) = re.findall(
        r"ENGINE = \((.*?)^\)", (folder / "hatch_build.py").read_text("utf-8"), re.S | re.M
    )
    names = re.findall(r'"([^"]+)"', listed)
    assert "wire" in names
    assert "node.py" in names
    for name in names:
        assert (folder / "src" / "bitboot_btdht" / name).exists(), name


def test_both_kinds_of_wheel_are_uploaded_together() -> None:
    kept = step_with("compiled", "actions/upload-artifact")["with"]
    assert kept == {"name": "dist-${{ matrix.runner }}", "path": "dist/"}
    fetched = step_with("publish", "actions/download-artifact")["with"]
    assert fetched == {"pattern": "dist*", "merge-multiple": True, "path": "dist/"}


def test_nothing_is_uploaded_unless_the_tests_pass() -> None:
    jobs = WORKFLOW["jobs"]
    assert set(jobs["publish"]["needs"]) == {"test", "build", "compiled"}
    assert [step["run"] for step in jobs["test"]["steps"] if "run" in step] == ["python3 scripts/test.py"]
