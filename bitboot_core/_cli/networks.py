"""`bitboot networks`: what there is to announce on, and through which backend."""

from __future__ import annotations

import click

from .._plugins.config_file import ConfigFile
from .._plugins.registry import Registry, default_registry
from ..errors import BitBootError
from ..networks import NetworkDefinition
from .examples import example
from .options import config_option, json_option
from .report.choice import report_for
from .report.listings import NetworkListed
from .report.wording import as_options


@click.command(
    short_help="List what there is to announce on, and through what.", epilog=example("bitboot networks")
)
@config_option
@json_option
def networks(config_file: str | None, as_json: bool) -> None:
    """List the networks: where each definition comes from, which backend would serve it, or why none can."""
    registry = default_registry()
    file = ConfigFile.read(config_file)
    found = {name: (network, registry.origin(name)) for name, network in registry.networks().items()}
    for name, network in file.definitions(registry).items():
        origin = str(file.path)
        if file.networks[name].protocol is None:
            origin = f"{registry.origin(name)}, changed by {origin}"
        found[name] = network, origin
    report_for(as_json).listing(
        [_listed(registry, name, network, origin) for name, (network, origin) in sorted(found.items())]
    )


def _listed(registry: Registry, name: str, network: NetworkDefinition, origin: str) -> NetworkListed:
    backend, problem, hint = "", "", ""
    try:
        backend, _ = registry.choose(network)
    except BitBootError as error:
        problem, hint = as_options(str(error)), as_options(error.hint)
    return NetworkListed(
        network=name,
        protocol=network.protocol,
        status=network.status.value,
        origin=origin,
        backend=backend,
        backends=registry.backends_for(network),
        bootstrap=[str(contact) for contact in network.bootstrap],
        problem=problem,
        hint=hint,
        description=network.description,
    )
