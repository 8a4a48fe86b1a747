"""A mainline network on loopback in the place of the public one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

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
