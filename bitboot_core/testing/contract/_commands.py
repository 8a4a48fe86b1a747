"""Checks on a plugin that brings commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bitboot_core._plugins.registry import Registry

from ._failing import fail
from ._hooks import HookChecks, standard_library

if TYPE_CHECKING:
    import click


class CommandsContract(HookChecks):
    """All checks of such a plugin; they need click. Subclass it and name your plugin's `entry_point`.

        class TestMyCommands(CommandsContract):
            entry_point = "my-commands"

    A plugin that brings a backend too is checked by `BackendContract`, and by this beside it.
    """

    def test_it_brings_commands(self) -> None:
        """It loads, and brings at least one command, none with the name of a built-in one."""
        registry = self._registry()
        commands = registry.plugin_commands()
        for problem in registry.problems():
            fail(f"the plugin's commands cannot be had: {problem}")
        if not commands:
            fail("the plugin loads, but brings no command: is bitboot_commands decorated with hookimpl?")

    def test_every_command_says_what_it_does(self) -> None:
        """`bitboot --help` shows one line for each, and `--help` of each can be printed."""
        from click.testing import CliRunner  # noqa: PLC0415 - the kit serves plugins without commands too

        for command in self._commands():
            if not command.get_short_help_str().strip():
                fail(f"the command {command.name} has no help: give it a docstring")
            shown = CliRunner().invoke(command, ["--help"])
            if shown.exit_code or "Usage:" not in shown.output:
                fail(f"`bitboot {command.name} --help` failed: {shown.exception or shown.output}")

    def test_asking_for_commands_imports_nothing_heavy(self) -> None:
        """`bitboot --help` asks all plugins: the standard library, click, the core and its own modules do."""
        own = self._needed().value.partition(":")[0].partition(".")[0]
        light = {*standard_library(), "bitboot_core", "click", "pluggy", "platformdirs", own, "__main__"}
        loaded = {name.partition(".")[0] for name in self._watched()["loaded"]}
        if heavy := sorted(loaded - light):
            fail(f"the plugin's hooks load {', '.join(heavy)}: leave that to the command")

    def _commands(self) -> list[click.Command]:
        point = self._needed()
        registry = Registry(entry_points=lambda: [point], environ={})
        commands = registry.plugin_commands()
        if registry.problems():
            pytest.skip("the plugin or its commands cannot be had, as another check tells")
        return [command for _, command in commands.values()]
