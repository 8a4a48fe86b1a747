"""What plugins and programs hand over, checked: backends, port mappers, definitions of networks."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ..backend import BackendSpec
from ..model import KnownHost
from ..networks import NetworkDefinition, NetworkStatus
from ..port_mapper import PortMapperSpec

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""What backends and networks may be called. No colon: that is for `distribution:name`."""


def check_backend(spec: object) -> BackendSpec:
    """Raise TypeError or ValueError, naming the field, unless `spec` is a usable BackendSpec."""
    if not isinstance(spec, BackendSpec):
        raise TypeError(f"{spec!r} is not a BackendSpec")
    _check_name(spec.name, "backend")
    if isinstance(spec.protocols, str) or not _all(spec.protocols, str) or not all(spec.protocols):
        raise TypeError(f"backend {spec.name}: protocols must be a sequence of names, not {spec.protocols!r}")
    if not spec.protocols:
        raise ValueError(f"backend {spec.name}: it must speak at least one protocol")
    for field in ("factory", "unavailable"):
        if not callable(getattr(spec, field)):
            raise TypeError(f"backend {spec.name}: {field} must be callable, not {getattr(spec, field)!r}")
    if spec.testnet is not None and not callable(spec.testnet):
        raise TypeError(f"backend {spec.name}: testnet must be callable, not {spec.testnet!r}")
    return spec


def check_network(network: object) -> NetworkDefinition:
    """Raise TypeError or ValueError, naming the field, unless `network` is a usable NetworkDefinition."""
    if not isinstance(network, NetworkDefinition):
        raise TypeError(f"{network!r} is not a NetworkDefinition")
    _check_name(network.name, "network")
    if not isinstance(network.protocol, str) or not network.protocol:
        raise TypeError(f"network {network.name}: protocol must be a name, not {network.protocol!r}")
    if not _all(network.bootstrap, KnownHost):
        raise TypeError(f"network {network.name}: bootstrap must be KnownHosts, not {network.bootstrap!r}")
    for contact in network.bootstrap:
        if contact.is_any or contact.port == 0:
            raise ValueError(f"network {network.name}: nobody can be reached at {contact}")
    if not isinstance(network.status, NetworkStatus):
        raise TypeError(f"network {network.name}: status must be a NetworkStatus, not {network.status!r}")
    return network


def check_port_mapper(spec: object) -> PortMapperSpec:
    """Raise TypeError or ValueError, naming the field, unless `spec` is a usable PortMapperSpec."""
    if not isinstance(spec, PortMapperSpec):
        raise TypeError(f"{spec!r} is not a PortMapperSpec")
    _check_name(spec.name, "port mapper")
    for field in ("factory", "unavailable"):
        if not callable(getattr(spec, field)):
            raise TypeError(
                f"port mapper {spec.name}: {field} must be callable, not {getattr(spec, field)!r}"
            )
    if not isinstance(spec.rank, int) or isinstance(spec.rank, bool):
        raise TypeError(f"port mapper {spec.name}: rank must be a whole number, not {spec.rank!r}")
    if not isinstance(spec.families, Collection) or not spec.families or not {4, 6}.issuperset(spec.families):
        raise ValueError(f"port mapper {spec.name}: families must be of 4 and 6, not {spec.families!r}")
    return spec


def _check_name(name: object, kind: str) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a {kind}'s name: letters, digits, dots and dashes only")


def _all(items: object, kind: type) -> bool:
    return isinstance(items, Sequence) and all(isinstance(item, kind) for item in items)
