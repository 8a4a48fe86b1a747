"""A mainline network on loopback in the place of the public one."""

from __future__ import annotations

import dataclasses
import random
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress

import pytest

from bitboot_core import KnownHost, default_registry
from bitboot_core.networks import BUILT_IN, MAINLINE


@pytest.fixture
def mainline_here(contacts: Sequence[KnownHost], monkeypatch: pytest.MonkeyPatch) -> None:
    """The network "mainline" starts from the testnet, so that examples for the public one run unchanged."""
    here = dataclasses.replace(MAINLINE, bootstrap=tuple(contacts))
    others = [network for network in BUILT_IN if network is not MAINLINE]
    for module in ("discovery", "registry"):
        monkeypatch.setattr(f"bitboot_core._plugins.{module}.BUILT_IN", [here, *others])
    monkeypatch.setattr("bitboot_core._plugins.registry._default", [])
    assert default_registry().network("mainline").bootstrap == tuple(contacts)


def free_ports(count: int) -> list[int]:
    """UDP ports of 127.0.0.1 at which nobody listens now.

    Not from the range that systems choose from themselves: other tests that run at the same time
    would be given them before the program that is to have them has started.
    """
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            port = random.randrange(20_000, 32_000)
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            with suppress(OSError):
                sock.bind(("127.0.0.1", port))
                found.append(port)
    return found
