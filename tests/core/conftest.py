"""What the core's tests share: a clock, an empty registry, and BitBoots on backends that do as told."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest

from bitboot_core import Backend, BitBoot, KnownHost, NetworkDefinition, Registry, UnknownBackend
from bitboot_core.testing import ManualClock, spec_of

SEED = KnownHost("192.0.2.1", 6881)

Start = Callable[..., Any]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start=1000.0)


@pytest.fixture
def registry() -> Registry:
    """Nothing but the built-in networks."""
    return Registry(entry_points=list, environ={})


@pytest.fixture
async def serve(clock: ManualClock, registry: Registry) -> AsyncIterator[Start]:
    """Start a BitBoot on a backend, or on several: each serves a network of its name.

    `bootstrap=[...]` makes the networks wait for contact. The BitBoot is closed after the test.
    """
    async with AsyncExitStack() as stack:

        async def start(*backends: Backend, **settings: Any) -> BitBoot:
            bitboot = make(*backends, **settings)
            return await stack.enter_async_context(bitboot)

        def make(*backends: Backend, bootstrap: Any = (), **settings: Any) -> BitBoot:
            names = ["fake", "other", "third"][: len(backends)]
            for name, backend in zip(names, backends, strict=True):
                registry.register_backend(spec_of(backend, f"{name}-backend", [name]))
            chosen: dict[str, Any] = {"state_dir": False, "random": random.Random(1)} | settings
            networks = [NetworkDefinition(name, name, tuple(bootstrap)) for name in names]
            return BitBoot(network=networks, registry=registry, clock=clock, **chosen)

        def forget() -> None:
            """Have the names back, for another BitBoot in the same test."""
            for name in ["fake", "other", "third"]:
                with suppress(UnknownBackend):
                    registry.unregister_backend(f"{name}-backend")

        start.make = make  # type: ignore[attr-defined]
        start.forget = forget  # type: ignore[attr-defined]
        yield start
