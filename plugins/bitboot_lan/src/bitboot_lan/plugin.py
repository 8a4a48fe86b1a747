"""What this distribution brings to Bitboot. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable

from bitboot_core import Backend, BackendConfig, BackendSpec, NetworkDefinition, hookimpl

BITBOOT_API = 1


def _make_backend(config: BackendConfig) -> Backend:
    from .backend import LanBackend  # noqa: PLC0415 - only programs that use it pay for it

    return LanBackend(config)


@hookimpl
def bitboot_backends() -> Iterable[BackendSpec]:
    """The backend `lan`."""
    return [BackendSpec("lan", ["bep14"], _make_backend, "multicast on the local network (BEP 14)")]


@hookimpl
def bitboot_networks() -> Iterable[NetworkDefinition]:
    """The network `lan`. It has no bootstrap contacts: whoever is on the local network hears everybody."""
    return [
        NetworkDefinition(
            "lan",
            protocol="bep14",
            description="the local network: peers in the same house, with no DHT and no internet (BEP 14)",
        )
    ]
