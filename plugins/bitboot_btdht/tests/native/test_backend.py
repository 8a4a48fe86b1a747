"""The package btdht as a backend: it keeps the contract, and meets our own nodes both ways."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.testnet import Testnet

from bitboot_core import (
    Backend,
    BackendConfig,
    BootstrapFailed,
    InvalidConfig,
    KnownHost,
    ListenFailed,
)
from bitboot_core.testing.contract import BackendContract, World

from ..conftest import eventually
from ..hostile import mutated

pytest.importorskip(
    "btdht", reason="the package btdht is not installed here: docs/native.md says how it is built"
)

from bitboot_btdht.native.backend import NativeBackend

LISTEN = KnownHost("127.1.1.1", 0)
CONFIG = BackendConfig(network="mainline", protocol="mainline", listen=LISTEN)
pytestmark = pytest.mark.filterwarnings("ignore:setName:DeprecationWarning")  # the package's own

KEYS = [b"k" * 20, b"\0" * 20, b"ab\0" + b"c" * 17, b"ab\0" + b"d" * 17]
"""With and without the NUL bytes at which the package cuts; the last two differ only behind one."""


@asynccontextmanager
async def joined(backend: Backend, testnet: Testnet) -> AsyncIterator[Backend]:
    await backend.start()
    try:
        assert await backend.bootstrap(testnet.bootstrap) > 0
        yield backend
    finally:
        await backend.aclose()


async def found(backend: Backend, key: bytes) -> set[KnownHost]:
    return {peer async for peer in backend.lookup(key)}


async def test_a_peer_announced_by_ours_is_found_by_the_package() -> None:
    async with (
        Testnet(12, host=LISTEN.host) as testnet,
        joined(MainlineBackend(CONFIG), testnet) as ours,
        joined(NativeBackend(CONFIG), testnet) as native,
    ):
        for number, key in enumerate(KEYS):
            await ours.announce(key, KnownHost("", 7000 + number), lifetime=600)
        for number, key in enumerate(KEYS):
            assert await found(native, key) == {KnownHost(LISTEN.host, 7000 + number)}


async def test_a_peer_announced_by_the_package_is_found_by_ours() -> None:
    async with (
        Testnet(12, host=LISTEN.host) as testnet,
        joined(NativeBackend(CONFIG), testnet) as native,
        joined(MainlineBackend(CONFIG), testnet) as ours,
    ):
        for number, key in enumerate(KEYS):
            receipt = await native.announce(key, KnownHost("", 7000 + number), lifetime=600)
            assert receipt.stored_on > 0
        for number, key in enumerate(KEYS):
            assert await found(ours, key) == {KnownHost(LISTEN.host, 7000 + number)}


async def test_nodes_of_the_package_alone_serve_ours() -> None:
    """What the package stores and answers, mended: keys with NUL, and any transaction id."""
    first, second = NativeBackend(CONFIG), NativeBackend(CONFIG)
    ours = MainlineBackend(CONFIG)
    try:
        await first.start()
        await second.start()
        await second.bootstrap([first.address])
        await ours.start()
        await ours.bootstrap([first.address, second.address])
        for number, key in enumerate(KEYS):
            await ours.announce(key, KnownHost("", 7000 + number), lifetime=600)
            await second.announce(key, KnownHost("", 256 * (30 + number)), lifetime=600)
        for number, key in enumerate(KEYS):
            wanted = {KnownHost(LISTEN.host, 7000 + number), KnownHost(LISTEN.host, 256 * (30 + number))}
            assert await found(ours, key) == wanted
            assert await found(first, key) == wanted
    finally:
        for backend in (first, second, ours):
            await backend.aclose()


async def test_the_packages_own_pings_are_answered() -> None:
    """It counts a query of its upkeep as failed until the answer has reached it."""
    async with Testnet(12, host=LISTEN.host) as testnet, joined(NativeBackend(CONFIG), testnet) as native:
        assert isinstance(native, NativeBackend)
        dht = native.dht
        nodes = dht.get_closest_nodes(dht.own_id)
        for node in nodes:
            node.ping(dht)
        assert len(nodes) > 1
        await eventually(lambda: any(not node.failed for node in nodes), "the package to hear of an answer")


async def test_an_address_that_the_package_would_cut_is_refused() -> None:
    for host in ("127.0.0.1", "10.0.0.7"):
        with pytest.raises(InvalidConfig, match="octet of zero"):
            await NativeBackend(
                BackendConfig(network="mainline", protocol="mainline", listen=KnownHost(host, 0))
            ).start()
    native = NativeBackend(CONFIG)
    await native.start()
    try:
        with pytest.raises(BootstrapFailed, match="octet of zero"):
            await native.bootstrap([KnownHost("127.0.0.1", 6881)])
    finally:
        await native.aclose()


async def test_a_port_in_use_and_an_ipv6_address_cannot_be_listened_on() -> None:
    async with Testnet(1, host=LISTEN.host) as testnet:
        for listen in (testnet.addresses[0], KnownHost("::1", 0)):
            native = NativeBackend(BackendConfig(network="mainline", protocol="mainline", listen=listen))
            with pytest.raises(ListenFailed):
                await native.start()


class TestNative(BackendContract):
    """Among nodes of our own, on a loopback address without an octet of zero."""

    entry_point = "btdht"
    backend = "btdht-native"

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        async with Testnet(12, host=LISTEN.host) as testnet:

            async def stall() -> None:
                for _ in range(6):
                    await testnet.remove()

            async def fall_silent() -> None:
                await testnet.aclose()

            yield World(
                make=lambda: NativeBackend(CONFIG),
                contacts=testnet.bootstrap,
                no_clock="the package btdht reads the machine's clock",
                stall=stall,
                fall_silent=fall_silent,
                datagrams=[mutated(random.Random(seed)) for seed in range(300)],
            )
