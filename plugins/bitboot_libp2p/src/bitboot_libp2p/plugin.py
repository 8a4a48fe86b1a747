"""What this distribution brings to Bitboot: a backend and its network. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager

from bitboot_core import Backend, BackendConfig, BackendSpec, KnownHost, NetworkDefinition, hookimpl

BITBOOT_API = 1


def _make_backend(config: BackendConfig) -> Backend:
    from .backend import Libp2pBackend  # noqa: PLC0415 - only programs that use it pay for it

    return Libp2pBackend(config)


def _testnet(size: int) -> AbstractAsyncContextManager[Sequence[KnownHost]]:
    from .testnet import contacts  # noqa: PLC0415

    return contacts(size)


def _unavailable() -> str | None:
    from .library import missing  # noqa: PLC0415

    return missing()


@hookimpl
def bitboot_backends() -> Iterable[BackendSpec]:
    """The backend `libp2p-kad`."""
    return [
        BackendSpec(
            name="libp2p-kad",
            protocols=["libp2p-kad"],
            factory=_make_backend,
            description="a libp2p host in a private Kademlia DHT that you start yourself",
            unavailable=_unavailable,
            testnet=_testnet,
        )
    ]


@hookimpl
def bitboot_networks() -> Iterable[NetworkDefinition]:
    """The network `libp2p`. It has no bootstrap contacts: it is private, and its users bring their own."""
    return [
        NetworkDefinition(
            "libp2p",
            protocol="libp2p-kad",
            description="a private DHT of libp2p hosts: bring your own bootstrap contacts (multiaddrs)",
        )
    ]
