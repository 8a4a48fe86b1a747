"""Peer discovery with no server: announce a swarm on DHTs that exist already, and look it up.

async with BitBoot(network="mainline") as bitboot:
    async with bitboot.announce("unique_network", port=6881):
        peers = await bitboot.lookup("unique_network")
"""

from typing import TYPE_CHECKING, Any

from .active import NetworkState
from .announcement import Announcement, AnnouncementStatus
from .backend import API_VERSION, Announces, Backend, BackendConfig, BackendSpec, Capabilities, Scope
from .bitboot import BitBoot
from .config import BitBootConfig
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
from .lookup import Lookup
from .model import KnownHost, Peer, Receipt, swarm_key
from .networks import NetworkDefinition, NetworkName, NetworkStatus
from .per_network import PerNetwork
from .plugins import Plugin, PluginProblem
from .registry import Registry, default_registry, register_backend, register_network
from .swarm import Swarm
from .watch import PeerJoined, PeerLeft, Watch

if TYPE_CHECKING:
    from .hookspecs import hookimpl

__version__ = "0.1.0"

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


def __getattr__(name: str) -> Any:
    # pluggy takes as long to import as the rest of the core, and only plugins need the marker.
    if name == "hookimpl":
        from .hookspecs import hookimpl  # noqa: PLC0415

        return hookimpl
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
