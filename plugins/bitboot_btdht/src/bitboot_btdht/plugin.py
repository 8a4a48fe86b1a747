"""What this distribution brings to Bitboot. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.util import find_spec

from bitboot_core import Backend, BackendConfig, BackendSpec, BackendUnavailable, KnownHost, hookimpl

BITBOOT_API = 1


def _make_backend(config: BackendConfig) -> Backend:
    from .backend import MainlineBackend  # noqa: PLC0415 - hooks import nothing heavy

    return MainlineBackend(config)


def _testnet(size: int) -> AbstractAsyncContextManager[Sequence[KnownHost]]:
    from .testnet import contacts  # noqa: PLC0415 - hooks import nothing heavy

    return contacts(size)


def _make_native(config: BackendConfig) -> Backend:
    try:
        from .native.backend import NativeBackend  # noqa: PLC0415 - it imports the package btdht
    except ImportError as error:
        raise BackendUnavailable(
            f"the package btdht is installed but does not load: {error}",
            hint='build it as docs/native.md says; backend="btdht" needs nothing of it',
        ) from error
    return NativeBackend(config)


def _build() -> str:
    """Which of the two wheels is installed: see hatch_build.py."""
    engine = find_spec(f"{__package__}.node")
    is_source = engine is None or engine.origin is None or engine.origin.endswith((".py", ".pyc"))
    return "plain Python" if is_source else "compiled"


@hookimpl
def bitboot_backends() -> Iterable[BackendSpec]:
    """The mainline node, and where the package btdht is installed, that one's."""
    backends = [
        BackendSpec(
            name="btdht",
            protocols=["mainline"],
            factory=_make_backend,
            description="a node of BitTorrent's mainline DHT (BEP 5)",
            testnet=_testnet,
            build=_build(),
        )
    ]
    if find_spec("btdht") is not None:
        backends.append(
            BackendSpec(
                name="btdht-native",
                protocols=["mainline"],
                factory=_make_native,
                description="the PyPI package btdht (GPLv3, IPv4 only), with its faults fixed",
            )
        )
    return backends
