"""Peer discovery with no server: announce a swarm on DHTs that exist already, and look it up.

async with BitBoot(network="mainline") as bitboot:
    async with bitboot.announce("unique_network", port=6881):
        peers = await bitboot.lookup("unique_network")
"""

from __future__ import annotations

import sys

# `typing` alone takes longer to import than the interpreter to start: `bitboot lookup` does not wait for it.
TYPE_CHECKING = False

# What is public is stated once: in the `__all__` of the module that defines it.
if TYPE_CHECKING:
    from typing import Any

    from ._networks.per_network import *
    from ._networks.state import *
    from ._plugins.config_file import *
    from ._plugins.plugin import *
    from ._plugins.registry import *
    from ._swarms.announcement import *
    from ._swarms.items.publication import *
    from ._swarms.keys import *
    from ._swarms.lookup import *
    from ._swarms.ports.mapping import *
    from ._swarms.private.message import *
    from ._swarms.private.secret import *
    from ._swarms.records import *
    from ._swarms.swarm import *
    from ._swarms.watch import *
    from .backend import *
    from .bitboot import *
    from .config import *
    from .errors import *
    from .hookspecs import *
    from .identity import *
    from .items import *
    from .model import *
    from .networks import *
    from .port_mapper import *
    from .reports import *
    from .routing_table import *
    from .swarm_size import *

__version__ = "0.2.0"

_MODULES = (
    "errors",
    "model",
    "networks",
    "reports",
    "backend",
    "config",
    "_networks.per_network",
    "_swarms.keys",
    "_swarms.records",
    "_swarms.announcement",
    "_swarms.lookup",
    "bitboot",
    "_networks.state",
    "swarm_size",
    "routing_table",
    "_swarms.watch",
    "_swarms.swarm",
    "port_mapper",
    "identity",
    "items",
    "_swarms.items.publication",
    "_swarms.ports.mapping",
    "_swarms.private.secret",
    "_swarms.private.message",
    "_plugins.plugin",
    "_plugins.registry",
    "_plugins.config_file",
    "hookspecs",
)
"""The modules with public names. A name is looked for in those that are loaded, then in the others, imported
in this order (PEP 562): hooks and `bitboot --help` do not wait for what they never use."""


def _is_missing(module: str) -> bool:
    return f"{__name__}.{module}" not in sys.modules


def _load(module: str) -> Any:
    """Import a module. What it makes public says `bitboot_core` in a `repr` and in a traceback."""
    from importlib import import_module  # noqa: PLC0415 - as for `typing`
    from types import FunctionType  # noqa: PLC0415

    full_name = f"{__name__}.{module}"
    loaded = sys.modules.get(full_name) or import_module(full_name)
    for name in loaded.__all__:
        value = getattr(loaded, name)
        if isinstance(value, (type, FunctionType)):
            value.__module__ = __name__
    return loaded


def _public_names() -> list[str]:
    return sorted({"__version__", *(name for module in _MODULES for name in _load(module).__all__)})


if not TYPE_CHECKING:  # a type checker complains of names that are not there

    def __getattr__(name: str) -> Any:
        if name == "__all__":
            return _public_names()
        if not name.startswith("_") and name not in _MODULES:  # a module is for the import system to find
            modules = sorted(_MODULES, key=_is_missing)
            if name == "BitBoot":  # which nearly every program asks for, and which needs few of the others
                modules.insert(0, "bitboot")
            for module in map(_load, modules):
                if name in module.__all__:
                    value = globals()[name] = getattr(module, name)  # found directly the next time
                    return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_public_names()})
