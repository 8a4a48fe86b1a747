"""`bitboot networks`: what there is to announce on, and through which backend."""

from __future__ import annotations

import click

from .._plugins.config_file import ConfigFile
from .._plugins.registry import Registry, default_registry
from ..errors import BitBootError
from ..networks import NetworkDefinition, NetworkStatus
from .help import Command, example
from .options import config_option, json_option
from .report.choice import report_for
from .report.listings import UNAVAILABLE, NetworkListed
from .report.wording import as_options


@click.command(
    cls=Command,
    short_help="List the networks, and the backends that serve them.",
    epilog=example("bitboot networks"),
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
    listed = [_listed(registry, name, network, origin) for name, (network, origin) in found.items()]
    listed.sort(key=lambda one: (not one.backend, one.is_placeholder, one.network))  # what can be used first
    report_for(as_json).listing(listed)


def _listed(registry: Registry, name: str, network: NetworkDefinition, origin: str) -> NetworkListed:
    backend, problem, hint = "", "", ""
    try:
        backend, _ = registry.choose(network)
    except BitBootError as error:
        problem, hint = as_options(str(error)), as_options(error.hint)
    return NetworkListed(
        network=name,
        protocol=network.protocol,
        status=network.status.value if backend or network.status != NetworkStatus.READY else UNAVAILABLE,
        origin=origin,
        backend=backend,
        backends=registry.backends_for(network),
        bootstrap=[str(contact) for contact in network.bootstrap],
        problem=problem,
        hint=hint,
        description=network.description,
    )
