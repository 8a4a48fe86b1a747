"""A user's program, for type checkers alone: what the docs show has the types that they say.

`tox -e verifytypes` reads it with mypy --strict and with pyright, against the installed wheels.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import assert_type

import bitboot_core
from bitboot_core import (
    AnnouncementStatus,
    Backend,
    BackendConfig,
    BackendSpec,
    BitBoot,
    BitBootConfig,
    BitBootError,
    KnownHost,
    NetworkDefinition,
    NetworkState,
    Peer,
    PeerJoined,
    PeerLeft,
    PerNetwork,
    PortMapping,
    SwarmKey,
    blocking,
    hookimpl,
)


async def main() -> None:
    """What README and docs show."""
    async with BitBoot(BitBootConfig(network=["mainline", "local"], timeout=5)) as bitboot:
        await bitboot.ready()
        async with bitboot.announce("unique_network", port=6881) as announcement:
            await announcement.announced()
            assert_type(announcement.status, PerNetwork[AnnouncementStatus])
            async with bitboot.find("unique_network", limit=50, timeout=20) as found:
                async for peer in found:
                    assert_type(peer, Peer)
                    assert_type(peer.address, tuple[str, int])
                    await asyncio.open_connection(*peer.address)
            assert_type(found.failures, PerNetwork[BitBootError])
        async with bitboot.watch(SwarmKey.parse("magnet:?xt=urn:btih:" + 40 * "0")) as events:
            async for event in events:
                match event:
                    case PeerJoined(peer=peer):
                        assert_type(peer, Peer)
                    case PeerLeft():
                        pass
        async with bitboot.map_port(7001, transport="udp") as mapping:
            assert_type(mapping, PortMapping)
            assert_type(mapping.external, KnownHost | None)
            assert_type(mapping.error, BitBootError | None)
        async with bitboot.join("unique_network", port=6881) as swarm:
            assert_type(await anext(swarm), PeerJoined | PeerLeft)
        assert_type(await bitboot.lookup(["one", "two"]), list[Peer])
        assert_type(bitboot.networks()["mainline"], NetworkState)


def without_asyncio() -> None:
    """The same without asyncio."""
    with blocking.BitBoot(network="local") as bitboot:
        with bitboot.announce("unique_network", port=6881) as announcement:
            announcement.announced()
        with bitboot.find("unique_network") as found:
            for peer in found:
                assert_type(peer, Peer)
        with bitboot.map_port(7001) as mapping:
            assert_type(mapping.external, KnownHost | None)
        assert_type(bitboot.lookup("unique_network"), list[Peer])


def make(config: BackendConfig) -> Backend:
    """A plugin's factory."""
    raise NotImplementedError(config.network)


@hookimpl
def bitboot_backends() -> Iterable[BackendSpec]:
    """A plugin's hook: decorated functions keep their types."""
    return [BackendSpec("mine", protocols=["mainline"], factory=make, description="my own node")]


@hookimpl
def bitboot_networks() -> Iterable[NetworkDefinition]:
    """The other one."""
    return [NetworkDefinition("mine", "mainline", (KnownHost("192.0.2.1", 6881),))]


assert_type(list(bitboot_backends()), list[BackendSpec])
assert_type(bitboot_core.__version__, str)
