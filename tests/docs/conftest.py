"""A mainline network on loopback in the place of the public one."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest

from bitboot_core import KnownHost, default_registry
from bitboot_core.networks import BUILT_IN, MAINLINE


@pytest.fixture
def mainline_here(contacts: Sequence[KnownHost], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The network "mainline" starts from the testnet, so that examples for the public one run unchanged."""
    here = dataclasses.replace(MAINLINE, bootstrap=tuple(contacts))
    others = [network for network in BUILT_IN if network is not MAINLINE]
    monkeypatch.setattr("bitboot_core.registry.BUILT_IN", [here, *others])
    default_registry.cache_clear()
    assert default_registry().network("mainline").bootstrap == tuple(contacts)
    yield
    default_registry.cache_clear()


def free_ports(count: int) -> list[int]:
    """UDP ports of 127.0.0.1 at which nobody listens now."""
    with ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(count)
        ]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]
