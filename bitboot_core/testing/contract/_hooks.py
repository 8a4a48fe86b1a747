"""Checks on any installed plugin: its hooks only return values."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bitboot_core._plugins.installed import EntryPoint, installed
from bitboot_core._plugins.plugin import PluginProblem
from bitboot_core._plugins.registry import Registry
from bitboot_core.backend import PROJECT_NAME

from ._failing import fail

WATCH = """
import importlib, json, os, sys
import bitboot_core

NETWORK = ("socket.", "subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.fork")
FILES = ("open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "sqlite3.connect")
# What an import inside a hook reads.
IMPORTED = (".py", ".pyc", ".so", ".pyd", ".dll", ".zip")
in_hooks = False
seen = []

def watch(event, arguments):
    files = in_hooks and event in FILES and not str(arguments[0]).endswith(IMPORTED)
    if event.startswith(NETWORK) or files:
        try:
            detail = ascii(arguments[0] if files else arguments[-1])[:200]
        except Exception:
            detail = "?"
        seen.append(f"{event} {detail}")

before = set(sys.modules)
sys.addaudithook(watch)
plugin = importlib.import_module(sys.argv[1])
in_hooks = True
for hook in ("bitboot_backends", "bitboot_networks", "bitboot_port_mappers", "bitboot_commands"):
    if hasattr(plugin, hook):
        list(getattr(plugin, hook)())
in_hooks = False
print(json.dumps({"io": seen, "loaded": sorted(set(sys.modules) - before)}))
"""
"""Run in a new process: nothing that was looked up or read before hides what the hooks do."""


def standard_library() -> set[str]:
    """Its modules: those that Python names, and what whoever built it left beside them."""
    folder = Path(sysconfig.get_path("stdlib"))
    return {*sys.stdlib_module_names, *(file.stem for file in folder.glob("*.py"))}


class HookChecks:
    """What is true of every plugin, whatever it brings."""

    entry_point: ClassVar[str]

    def test_hooks_do_no_io(self) -> None:
        """Hooks open no file, socket or process, and importing the plugin opens no socket or process."""
        for action in self._watched()["io"]:
            fail(f"importing the plugin and calling its hooks did I/O: {action}")

    def _watched(self) -> dict[str, Any]:
        module = self._needed().value.partition(":")[0]
        command = [sys.executable, "-c", WATCH, module]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"the hooks of {module} fail, as another check tells")
        watched: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return watched

    def _registry(self) -> Registry:
        """A registry with this plugin alone. Fails where it does not load."""
        point = self._entry_point()
        if point is None:
            fail(
                f'no entry point named {self.entry_point!r} in the group "{PROJECT_NAME}":'
                " is the plugin installed, and was it installed again since pyproject.toml changed?"
            )
        registry = Registry(entry_points=lambda: [point], environ={})
        for problem in registry.problems():
            fail(f"the plugin does not load: {problem}")
        return registry

    def _needed(self) -> EntryPoint:
        """The entry point. Skips the check where there is none: one check tells of that."""
        point = self._entry_point()
        if point is None:
            pytest.skip(f"no entry point named {self.entry_point!r} is installed")
        return point

    def _entry_point(self) -> EntryPoint | None:
        ours = (one for one in installed() if not isinstance(one, PluginProblem))
        return next((one for one in ours if one.name == self.entry_point), None)
