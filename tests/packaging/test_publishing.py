"""What the publishing workflow runs before it uploads anything, step by step."""

from __future__ import annotations

import json
import os
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


def test_nothing_is_uploaded_unless_the_tests_pass() -> None:
    jobs = WORKFLOW["jobs"]
    assert set(jobs["publish"]["needs"]) == {"test", "build"}
    assert [step["run"] for step in jobs["test"]["steps"] if "run" in step] == ["python3 scripts/test.py"]
