"""`bitboot networks`: what there is to announce on, and through which backend."""

from __future__ import annotations

import click

from ..errors import BitBootError
from ..networks import NetworkDefinition
from ..registry import Registry, default_registry
from .listings import NetworkListed
from .options import json_option
from .report import report_for


@click.command(short_help="List what there is to announce on, and through what.")
@json_option
def networks(as_json: bool) -> None:
    """List the networks, which backend would serve each, or why none can."""
    registry = default_registry()
    listed = [_listed(registry, name, definition) for name, definition in registry.networks().items()]
    report_for(as_json).listing(listed)


def _listed(registry: Registry, name: str, network: NetworkDefinition) -> NetworkListed:
    backend, problem, hint = "", "", ""
    try:
        backend, _ = registry.choose(network)
    except BitBootError as error:
        problem, hint = str(error), error.hint
    return NetworkListed(
        network=name,
        protocol=network.protocol,
        status=network.status.value,
        backend=backend,
        backends=registry.backends_for(network),
        problem=problem,
        hint=hint,
        description=network.description,
    )
