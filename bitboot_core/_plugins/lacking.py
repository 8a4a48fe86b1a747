"""Why there is no backend, where there is none, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..backend import BackendSpec
from ..errors import NetworkUnavailable
from ..networks import NetworkDefinition, NetworkStatus
from ..port_mapper import PortMapperSpec
from .discovery import Known
from .frozen import how_to_get
from .plugin import canonical

FIRST_PARTY: Mapping[str, str] = {
    "mainline": "btdht",
    "kademlia": "kademlia",
    "bep14": "lan",
    "dns-sd": "lan-dnssd",
    "local": "local",
}
"""For each protocol that this project serves: the backend's name."""

BROUGHT = frozenset({"lan", "lan-dnssd"})
"""The project's networks that come with a plugin."""

_EXTRAS: Mapping[str, str] = {name: name for name in FIRST_PARTY.values()} | {
    "btdht-native": "btdht",
    "lan-dnssd": "zeroconf",
}
"""For each of the project's own backends, the extra that installs it."""


def why_unavailable(spec: BackendSpec | PortMapperSpec) -> str | None:
    """Why a backend or a port mapper cannot work here, or None where it can."""
    try:
        reason = spec.unavailable()
    except Exception as error:  # noqa: BLE001 - one that cannot even say so is no use either
        return f"{type(error).__name__}: {error}"
    return None if reason is None else str(reason)


def missing(known: Known, name: str) -> tuple[str, str] | None:
    """Why there is no backend `name` although there could be, and what to do. None: never heard of it."""
    plain = name.rpartition(":")[2]
    extra = _EXTRAS.get(plain, plain)
    for problem in known.problems:
        if problem.entry_point in (plain, extra) or canonical(problem.distribution) == f"bitboot-{extra}":
            return str(problem), problem.hint
    for entry_point, distribution in known.disabled.items():
        if entry_point in (plain, extra) or distribution == f"bitboot-{extra}":
            return f"{name} is disabled by BITBOOT_DISABLE_PLUGINS", f"take {entry_point} off that list"
    if plain in _EXTRAS:
        return f"the backend {name} is not installed", how_to_get(extra)
    return None


def unserved(known: Known, network: NetworkDefinition, reasons: Sequence[str]) -> NetworkUnavailable:
    """The error for a network that nobody serves. `reasons`: why backends that speak to it cannot."""
    if reasons:
        return NetworkUnavailable(
            f"no backend for the network {network.name} works here: {'; '.join(reasons)}",
            hint="see `bitboot doctor`",
        )
    reason = missing(known, FIRST_PARTY.get(network.protocol, ""))
    if reason is not None:
        return NetworkUnavailable(
            f"no backend for the network {network.name} is at hand: {reason[0]}", hint=reason[1]
        )
    what = (
        f"the network {network.name} is a placeholder: nobody has written a backend for it yet"
        if network.status is NetworkStatus.PLACEHOLDER
        else f"no installed backend serves the network {network.name}"
    )
    return NetworkUnavailable(
        what,
        hint=f'supply a backend that speaks "{network.protocol}": install a plugin that brings one, '
        "or hand a BackendSpec to bitboot_core.register_backend()",
    )
