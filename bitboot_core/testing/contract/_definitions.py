"""Checks on a plugin that brings network definitions and no backend."""

from __future__ import annotations

import pytest

from bitboot_core._plugins.registry import Registry
from bitboot_core.networks import NetworkDefinition

from ._failing import fail
from ._hooks import HookChecks, standard_library


class DefinitionsContract(HookChecks):
    """All checks of such a plugin. Subclass it and name your plugin's `entry_point`.

        class TestMyNetworks(DefinitionsContract):
            entry_point = "my-networks"

    A plugin that brings a backend too is checked by `BackendContract`, and by this beside it.
    """

    def test_it_brings_definitions(self) -> None:
        """It loads, states BITBOOT_API, and brings at least one network, none with a built-in name."""
        (plugin,) = self._registry().plugins()
        if not plugin.networks:
            fail("the plugin loads, but brings no network: is bitboot_networks decorated with hookimpl?")

    def test_contacts_are_stated_once(self) -> None:
        """A contact that is listed twice is asked twice."""
        for network in self._networks():
            contacts = list(network.bootstrap)
            if len(set(contacts)) < len(contacts):
                fail(f"the network {network.name} lists a bootstrap contact twice")

    def test_every_network_is_described(self) -> None:
        """`bitboot networks` shows one line for each."""
        for network in self._networks():
            text = network.description
            if not isinstance(text, str) or not text.strip() or "\n" in text:
                fail(f"the network {network.name} has the description {text!r}: give one line")

    def test_hooks_import_nothing_heavy(self) -> None:
        """They run in every program: the standard library, the core and its own modules will do."""
        own = self._needed().value.partition(":")[0].partition(".")[0]
        light = {*standard_library(), "bitboot_core", "pluggy", own, "__main__"}
        loaded = {name.partition(".")[0] for name in self._watched()["loaded"]}
        if heavy := sorted(loaded - light):
            fail(f"the plugin's hooks load {', '.join(heavy)}: definitions need no library")

    def _networks(self) -> list[NetworkDefinition]:
        point = self._needed()
        registry = Registry(entry_points=lambda: [point], environ={})
        if registry.problems():
            pytest.skip("the plugin does not load, as another check tells")
        return [network for plugin in registry.plugins() for network in plugin.networks]
