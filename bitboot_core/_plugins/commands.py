"""The commands that plugins bring to the command line.

Their hook is called by the command line alone, which has click. Libraries and servers that use Bitboot never
call it. A plugin whose commands cannot be had keeps all else that it brings: a `PluginProblem` tells why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import PluginError
from .checks import NAME
from .plugin import Plugin, PluginProblem, Stage, canonical

if TYPE_CHECKING:
    import click

BUILT_IN_COMMANDS = (
    "announce",
    "completion",
    "demo",
    "doctor",
    "identity",
    "join",
    "lookup",
    "networks",
    "plugins",
    "publish",
    "resolve",
    "run",
    "secret",
    "watch",
)
"""The command line's own, which no plugin can replace."""

SLOW = 1.0
"""Seconds that the hook may take. Whoever types `bitboot --help` waits for all of them."""

Hook = Callable[[], Iterable[Any]]


def gather(
    plugins: Iterable[tuple[Plugin, Hook]],
    tell: Callable[[PluginProblem], None],
    now: Callable[[], float] = time.monotonic,
) -> dict[str, tuple[Plugin, click.Command]]:
    """The commands of all plugins, and whose they are, by name: `distribution:name` where several claim one.

    `plugins`: each with its hook, called here and alone. `tell` is told of what is wrong; it may raise.
    `now`: seconds of a clock.
    """
    claims: dict[str, list[tuple[Plugin, click.Command]]] = {}
    for plugin, hook in plugins:
        for command in _Asked(plugin, tell, now).commands(hook):
            claims.setdefault(str(command.name), []).append((plugin, command))
    found: dict[str, tuple[Plugin, click.Command]] = {}
    for name, claimants in claims.items():
        if len(claimants) == 1:
            found[name] = claimants[0]
            continue
        names = " and ".join(canonical(plugin.distribution) for plugin, _ in claimants)
        for plugin, command in claimants:
            full = f"{canonical(plugin.distribution)}:{name}"
            found[full] = plugin, command
            error = PluginError(f"{names} bring a command named {name}")
            tell(_problem(plugin, "duplicate", error, f"uninstall one, or say {full}"))
    return dict(sorted(found.items()))


def check_command(command: object) -> click.Command:
    """Raise TypeError or ValueError unless `command` is one that the command line can have."""
    import click  # noqa: PLC0415 - the core needs none without its command line

    if not isinstance(command, click.Command):
        raise TypeError(f"{command!r} is not a click.Command")
    if not isinstance(command.name, str) or not NAME.fullmatch(command.name):
        raise ValueError(
            f"{command.name!r} cannot be a command's name: letters, digits, dots and dashes only"
        )
    if command.name in BUILT_IN_COMMANDS:
        raise ValueError(f"{command.name} is a command of bitboot itself: choose another name")
    return command


class _Asked:
    """One plugin that is asked for its commands."""

    def __init__(
        self, plugin: Plugin, tell: Callable[[PluginProblem], None], now: Callable[[], float]
    ) -> None:
        self._plugin, self._tell, self._now = plugin, tell, now

    def commands(self, hook: Hook) -> Sequence[click.Command]:
        """All of them, or none where one is wrong: what is left might not be of use without it."""
        began = self._now()
        report = f"report it to the authors of {self._plugin.distribution}"
        stage: Stage = "hook"
        try:
            brought = list(hook())
            stage = "validation"
            checked = [check_command(command) for command in brought]
            names = [command.name for command in checked]
            if len(set(names)) < len(names):
                raise ValueError(f"it brings two commands of one name: {', '.join(map(str, names))}")
        except KeyboardInterrupt:
            raise
        # As in `loader`: a plugin may end in anything.
        except BaseException as error:  # noqa: BLE001 - reported as a PluginProblem
            self._tell(_problem(self._plugin, stage, error, report))
            return []
        took = self._now() - began
        if took > SLOW:
            slow = PluginError(f"it took {took:.1f} s to say which commands it brings, and all others wait")
            self._tell(_problem(self._plugin, "hook", slow, report))
        return checked


def _problem(plugin: Plugin, stage: Stage, error: BaseException, hint: str) -> PluginProblem:
    return PluginProblem(plugin.entry_point, plugin.distribution, plugin.version, stage, error, hint)
