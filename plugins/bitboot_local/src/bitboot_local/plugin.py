"""What this distribution brings to Bitboot."""

from __future__ import annotations

from collections.abc import Iterable

from bitboot_core import Backend, BackendConfig, BackendSpec, hookimpl

BITBOOT_API = 1


def make(config: BackendConfig) -> Backend:
    """A node of the local network."""
    from .backend import LocalBackend  # noqa: PLC0415 - only programs that use it pay for it

    return LocalBackend(config)


@hookimpl
def bitboot_backends() -> Iterable[BackendSpec]:
    """The backend `local`."""
    return [BackendSpec("local", ["local"], make, "in memory, within this process")]
