"""The hooks that a plugin may implement.

A plugin is an installed distribution with an entry point in the group `bitboot` that names a
module. The module states `BITBOOT_API = 1` and decorates its functions with `hookimpl`. Hooks
return values, do no I/O and import nothing heavy: they run whenever any program starts Bitboot.
They are called for each plugin separately: none sees or changes what another returns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

from .backend import PROJECT_NAME, BackendSpec
from .networks import NetworkDefinition
from .port_mapper import PortMapperSpec

if TYPE_CHECKING:
    import click

__all__ = ["hookimpl"]

hookspec: pluggy.HookspecMarker = pluggy.HookspecMarker(PROJECT_NAME)
hookimpl: pluggy.HookimplMarker = pluggy.HookimplMarker(PROJECT_NAME)


@hookspec
def bitboot_backends() -> Iterable[BackendSpec]:
    """Return the backends that this plugin brings.

    Each name must be unique among everything installed, and each `factory` must import its library
    only when it is called.
    """
    raise NotImplementedError


@hookspec
def bitboot_networks() -> Iterable[NetworkDefinition]:
    """Return the network definitions that this plugin brings.

    There is no need to bring one that is built in (`bitboot_core.networks.BUILT_IN`): a backend
    that speaks its protocol serves it.
    """
    raise NotImplementedError


@hookspec
def bitboot_port_mappers() -> Iterable[PortMapperSpec]:
    """Return the ways of opening ports on routers that this plugin brings.

    Names and factories are as for backends.
    """
    raise NotImplementedError


@hookspec
def bitboot_commands() -> Iterable[click.Command]:
    """Return the commands that this plugin adds to `bitboot`, each with a name of its own.

    Called by the command line only: import click inside the hook, and what a command needs inside the
    command. A command's return value is the exit status (None for 0); a `BitBootError` that it raises is
    shown with its hint, as those of other commands.
    """
    raise NotImplementedError
