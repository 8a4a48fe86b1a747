"""`bitboot plugins`: what is installed, what it brings, and what is wrong with it."""

from __future__ import annotations

import click

from .._plugins.frozen import how_to_get
from .._plugins.lacking import why_unavailable
from .._plugins.plugin import Plugin
from .._plugins.registry import default_registry
from ..backend import BackendSpec
from ..port_mapper import PortMapperSpec
from .help import Command, example
from .options import json_option
from .report.choice import report_for
from .report.listings import PluginListed, ProblemListed
from .report.output import write_line


@click.command(
    cls=Command,
    short_help="List what is installed, and what is wrong with it.",
    epilog=example("bitboot plugins"),
)
@json_option
def plugins(as_json: bool) -> int:
    """List the installed plugins, what each brings, whether it runs here, and why some fail.

    The exit status is 1 where one of them is broken.
    """
    registry = default_registry()
    commands = registry.plugin_commands()
    loaded = [
        PluginListed(
            plugin=plugin.entry_point,
            distribution=plugin.distribution,
            version=plugin.version,
            backends=[spec.name for spec in plugin.backends],
            builds={spec.name: spec.build for spec in plugin.backends if spec.build},
            networks=[network.name for network in plugin.networks],
            port_mappers=[mapper.name for mapper in plugin.port_mappers],
            commands=[name for name, (owner, _) in commands.items() if owner is plugin],
            unavailable={
                spec.name: why for spec in _brought(plugin) if (why := why_unavailable(spec)) is not None
            },
        )
        for plugin in registry.plugins()
    ]
    broken = [
        ProblemListed(
            plugin=problem.entry_point,
            distribution=problem.distribution,
            version=problem.version,
            stage=problem.stage,
            error=f"{type(problem.error).__name__}: {problem.error}",
            hint=problem.hint,
        )
        for problem in registry.problems()
    ]
    report = report_for(as_json)
    if not (loaded or broken or as_json):
        write_line(f"no plugin is installed; try: {how_to_get('all')}")
    report.listing(loaded)
    report.listing(broken)
    return 1 if broken else 0


def _brought(plugin: Plugin) -> list[BackendSpec | PortMapperSpec]:
    """What it brings that may not run everywhere."""
    return [*plugin.backends, *plugin.port_mappers]
