"""Checks on the installed plugin: its entry point, and what importing it costs."""

from __future__ import annotations

import json
import subprocess
import sys

from bitboot_core.backend import Backend, BackendConfig, BackendSpec
from bitboot_core.errors import BitBootError

from ._base import Checks
from ._failing import fail
from ._hooks import HookChecks, standard_library

LOOK = """
import importlib, json, sys
import bitboot_core
from bitboot_core import BackendConfig

module, backend = sys.argv[1:]
before = set(sys.modules)
plugin = importlib.import_module(module)
specs = list(plugin.bitboot_backends())
if hasattr(plugin, "bitboot_networks"):
    list(plugin.bitboot_networks())
(spec,) = [spec for spec in specs if spec.name == backend]
unavailable = spec.unavailable()
loaded = sorted(set(sys.modules) - before)
made = None if unavailable else type(spec.factory(BackendConfig(network="check", protocol=spec.protocols[0])))
print(json.dumps({"loaded": loaded, "defined_in": made and made.__module__}))
"""
"""Run in a new process, where nothing has been imported yet."""


class InstalledChecks(HookChecks, Checks):
    """The distribution is found, loads, and makes other programs' start no slower."""

    def test_the_entry_point_resolves(self) -> None:
        """The registry takes the plugin without a complaint, and its factory makes a backend."""
        registry = self._registry()
        try:
            spec = registry.backend(self._backend_name)
        except BitBootError as error:
            fail(f"the plugin loads, but brings no such backend: {error}")
        self._check_factory(spec)

    def _check_factory(self, spec: BackendSpec) -> None:
        if spec.unavailable() is None:
            made = spec.factory(BackendConfig(network="check", protocol=spec.protocols[0]))
            if not isinstance(made, Backend):
                fail(f"the factory of {spec.name} made {made!r}, which is not a Backend")

    def test_loading_the_plugin_imports_nothing_heavy(self) -> None:
        """Hooks run in every program that uses Bitboot: the backend and its library come with the factory.

        Importing the plugin and calling its hooks may load the standard library, `bitboot_core`, pluggy and
        the plugin's own modules, except the one that defines the backend.
        """
        module = self._needed().value.partition(":")[0]
        command = [sys.executable, "-c", LOOK, module, self._backend_name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            fail(f"importing {module} and calling its hooks and its factory failed:\n{done.stderr}")
        told = json.loads(done.stdout)
        own = module.partition(".")[0]
        light = {*standard_library(), "bitboot_core", "pluggy", own}
        heavy = sorted({name.partition(".")[0] for name in told["loaded"]} - light)
        if told["defined_in"] in told["loaded"] and told["defined_in"] != module:
            heavy.append(told["defined_in"])
        if heavy:
            fail(f"the plugin's hooks load {', '.join(heavy)}: leave that to the factory")

    @property
    def _backend_name(self) -> str:
        return self.backend or self.entry_point
