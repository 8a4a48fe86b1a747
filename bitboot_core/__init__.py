"""Peer discovery with no server: announce a swarm on DHTs that exist already, and look it up.

async with BitBoot(network="mainline") as bitboot:
    async with bitboot.announce("unique_network", port=6881):
        peers = await bitboot.lookup("unique_network")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .active import NetworkState
    from .announcement import Announcement, AnnouncementStatus
    from .backend import API_VERSION, Announces, Backend, BackendConfig, BackendSpec, Capabilities, Scope
    from .bitboot import BitBoot
    from .config import BitBootConfig
    from .config_file import ConfigFile
    from .errors import (
        AllBackendsFailed,
        AnnounceFailed,
        BackendError,
        BackendTimeout,
        BackendUnavailable,
        BitBootError,
        BootstrapFailed,
        HostNotFound,
        InvalidConfig,
        InvalidEndpoint,
        InvalidSwarmName,
        ListenFailed,
        NetworkUnavailable,
        NotRunning,
        PluginError,
        UnknownBackend,
        UnknownNetwork,
        UnsupportedOperation,
        UsageError,
    )
    from .hookspecs import hookimpl
    from .lookup import Lookup
    from .model import KnownHost, Peer, Receipt, swarm_key
    from .networks import NetworkDefinition, NetworkName, NetworkStatus
    from .per_network import PerNetwork
    from .plugins import Plugin, PluginProblem
    from .registry import Registry, default_registry, register_backend, register_network
    from .swarm import Swarm
    from .watch import PeerJoined, PeerLeft, Watch

__version__ = "0.2.0"

__all__ = [
    "API_VERSION",
    "AllBackendsFailed",
    "AnnounceFailed",
    "Announcement",
    "AnnouncementStatus",
    "Announces",
    "Backend",
    "BackendConfig",
    "BackendError",
    "BackendSpec",
    "BackendTimeout",
    "BackendUnavailable",
    "BitBoot",
    "BitBootConfig",
    "BitBootError",
    "BootstrapFailed",
    "Capabilities",
    "ConfigFile",
    "HostNotFound",
    "InvalidConfig",
    "InvalidEndpoint",
    "InvalidSwarmName",
    "KnownHost",
    "ListenFailed",
    "Lookup",
    "NetworkDefinition",
    "NetworkName",
    "NetworkState",
    "NetworkStatus",
    "NetworkUnavailable",
    "NotRunning",
    "Peer",
    "PeerJoined",
    "PeerLeft",
    "PerNetwork",
    "Plugin",
    "PluginError",
    "PluginProblem",
    "Receipt",
    "Registry",
    "Scope",
    "Swarm",
    "UnknownBackend",
    "UnknownNetwork",
    "UnsupportedOperation",
    "UsageError",
    "Watch",
    "__version__",
    "default_registry",
    "hookimpl",
    "register_backend",
    "register_network",
    "swarm_key",
]

_ROOMS = {
    "active": ["NetworkState"],
    "announcement": ["Announcement", "AnnouncementStatus"],
    "backend": [
        "API_VERSION",
        "Announces",
        "Backend",
        "BackendConfig",
        "BackendSpec",
        "Capabilities",
        "Scope",
    ],
    "bitboot": ["BitBoot"],
    "config": ["BitBootConfig"],
    "config_file": ["ConfigFile"],
    "errors": [
        "AllBackendsFailed",
        "AnnounceFailed",
        "BackendError",
        "BackendTimeout",
        "BackendUnavailable",
        "BitBootError",
        "BootstrapFailed",
        "HostNotFound",
        "InvalidConfig",
        "InvalidEndpoint",
        "InvalidSwarmName",
        "ListenFailed",
        "NetworkUnavailable",
        "NotRunning",
        "PluginError",
        "UnknownBackend",
        "UnknownNetwork",
        "UnsupportedOperation",
        "UsageError",
    ],
    "hookspecs": ["hookimpl"],
    "lookup": ["Lookup"],
    "model": ["KnownHost", "Peer", "Receipt", "swarm_key"],
    "networks": ["NetworkDefinition", "NetworkName", "NetworkStatus"],
    "per_network": ["PerNetwork"],
    "plugins": ["Plugin", "PluginProblem"],
    "registry": ["Registry", "default_registry", "register_backend", "register_network"],
    "swarm": ["Swarm"],
    "watch": ["PeerJoined", "PeerLeft", "Watch"],
}
"""Where each name lives. A room is imported when one of its names is first asked for (PEP 562), so that a
plugin's hooks or `bitboot --help` do not wait for what they never use."""

_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
    globals()[name] = value  # so that it is found directly the next time
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
