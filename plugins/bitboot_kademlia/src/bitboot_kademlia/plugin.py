"""What this distribution brings to Bitboot. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager

from bitboot_core import Backend, BackendConfig, BackendSpec, KnownHost, hookimpl

BITBOOT_API = 1


def _make_backend(config: BackendConfig) -> Backend:
    from .backend import KademliaBackend  # noqa: PLC0415 - only programs that use it pay for it

    return KademliaBackend(config)


def _testnet(size: int) -> AbstractAsyncContextManager[Sequence[KnownHost]]:
    from .testnet import contacts  # noqa: PLC0415

    return contacts(size)


@hookimpl
def bitboot_backends() -> Iterable[BackendSpec]:
    """The backend `kademlia`."""
    return [
        BackendSpec(
            name="kademlia",
            protocols=["kademlia"],
            factory=_make_backend,
            description="a node of a private DHT that you start yourself, on the library kademlia",
            testnet=_testnet,
        )
    ]
