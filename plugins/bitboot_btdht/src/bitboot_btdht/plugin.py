"""What this distribution brings to Bitboot. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager

from bitboot_core import Backend, BackendConfig, BackendSpec, KnownHost, hookimpl

BITBOOT_API = 1


def _make_backend(config: BackendConfig) -> Backend:
    from .backend import MainlineBackend  # noqa: PLC0415 - hooks import nothing heavy

    return MainlineBackend(config)


def _testnet(size: int) -> AbstractAsyncContextManager[Sequence[KnownHost]]:
    from .testnet import contacts  # noqa: PLC0415 - hooks import nothing heavy

    return contacts(size)


@hookimpl
def bitboot_backends() -> Iterable[BackendSpec]:
    """The mainline node."""
    return [
        BackendSpec(
            name="btdht",
            protocols=["mainline"],
            factory=_make_backend,
            description="a node of BitTorrent's mainline DHT in plain Python (BEP 5)",
            testnet=_testnet,
        )
    ]
