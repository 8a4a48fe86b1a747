"""The distributions that this repository holds, and how wheels are made of them."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import _venv
from _pip import pip
from _steps import step

PLUGINS = os.path.join(_venv.ROOT, "plugins")


def default_set() -> "list[str]":
    """The folders of what the core's extra `all` brings, the core first.

    That is what comes as plain Python: nothing of it, nor of what it needs, takes a compiler.
    """
    (everything,) = _project(_venv.ROOT)["optional-dependencies"]["all"]
    names = re.findall(r"[\w-]+", everything.partition("[")[2])
    folders = (os.path.join(PLUGINS, f"bitboot_{name}") for name in names)
    return [_venv.ROOT, *filter(os.path.isdir, folders)]


def all_projects() -> "list[str]":
    """The folders of all distributions, the core first."""
    names = sorted(os.listdir(PLUGINS))
    folders = (os.path.join(PLUGINS, name) for name in names)
    return [_venv.ROOT, *(one for one in folders if os.path.isfile(os.path.join(one, "pyproject.toml")))]


def name_of(folder: str) -> str:
    """The distribution's name, such as bitboot-btdht."""
    return str(_project(folder)["name"])


def fingerprint(folders: "list[str]") -> str:
    """A digest of everything that goes into the wheels of these distributions."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sources(folder):
            with open(path, "rb") as file:
                content = hashlib.sha256(file.read()).hexdigest()
            digest.update(f"{os.path.relpath(path, _venv.ROOT)} {content}\n".encode())
    return digest.hexdigest()


def build(venv: str, folders: "list[str]", into: str, *, sdists: bool = False) -> None:
    """Build a wheel of each, and its sdist too if asked for, in the folder `into`.

    The build backend is fetched once, into a folder of the virtual environment `venv` where it is in
    nobody's way: it is not installed there, and works with no network from then on.
    """
    tools = os.path.join(venv, "build-tools")
    requirements = [str(one) for one in _pyproject(_venv.ROOT)["build-system"]["requires"]]
    stamp = os.path.join(tools, "installed.txt")
    if _venv.read(stamp) != "\n".join(requirements):
        with step(f"getting what builds Bitboot: {', '.join(requirements)}"):
            pip(venv, "install", "--no-compile", "--upgrade", "--target", tools, *requirements)
            _venv.write(stamp, "\n".join(requirements))
    env = dict(os.environ, PYTHONPATH=tools)
    kinds = ["-t", "wheel", *(["-t", "sdist"] if sdists else [])]
    with step(f"building {', '.join(map(name_of, folders))}"):
        for folder in folders:
            command = [_venv.program_in(venv, "python"), "-m", "hatchling", "build", *kinds, "-d", into]
            done = subprocess.run(
                command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
            )
            if done.returncode:
                sys.stderr.write(done.stdout.decode(errors="replace"))
                sys.exit(f"{name_of(folder)} could not be built: see above")


def wheels(folders: "list[str]", into: str) -> "list[str]":
    """The paths of the wheels that `build` leaves in the folder `into`."""
    projects = map(_project, folders)
    names = (f"{one['name'].replace('-', '_')}-{one['version']}-py3-none-any.whl" for one in projects)
    return [os.path.join(into, name) for name in names]


def sources(folder: str) -> "Iterator[str]":
    """The files that a distribution is built from, in an order that is always the same."""
    names = ["pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"]
    yield from filter(os.path.isfile, (os.path.join(folder, name) for name in names))
    package = "bitboot_core" if folder == _venv.ROOT else "src"
    for parent, folders, files in os.walk(os.path.join(folder, package)):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        yield from (os.path.join(parent, name) for name in sorted(files))


def _project(folder: str) -> "dict[str, Any]":
    return _pyproject(folder)["project"]  # type: ignore[no-any-return]


def _pyproject(folder: str) -> "dict[str, Any]":
    import tomllib  # noqa: PLC0415 - where Python is too old for it, we do not get here

    with open(os.path.join(folder, "pyproject.toml"), "rb") as file:
        return tomllib.load(file)
