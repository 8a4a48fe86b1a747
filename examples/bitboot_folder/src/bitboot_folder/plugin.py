"""What this distribution brings to Bitboot: a backend, and the network that it serves."""

from __future__ import annotations

from collections.abc import Iterable

from bitboot_core import Backend, BackendConfig, BackendSpec, NetworkDefinition, hookimpl

BITBOOT_API = 1


def make(config: BackendConfig) -> Backend:
    """A node of the network in a folder."""
    from .backend import FolderBackend  # noqa: PLC0415 - only programs that use it pay for it

    return FolderBackend(config)


@hookimpl
def bitboot_backends() -> Iterable[BackendSpec]:
    """The backend `folder`."""
    return [BackendSpec("folder", ["folder"], make, "files in a folder that all peers can reach")]


@hookimpl
def bitboot_networks() -> Iterable[NetworkDefinition]:
    """The network `folder`. It has no bootstrap contacts: the folder is where everybody meets."""
    return [
        NetworkDefinition(
            "folder",
            protocol="folder",
            description="a folder on this machine or a shared drive, named by BITBOOT_FOLDER",
        )
    ]
