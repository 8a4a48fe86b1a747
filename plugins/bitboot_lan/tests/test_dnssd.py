"""The backend `lan-dnssd`: the contract, on loopback, and what others are told and can do."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bitboot_lan import plugin
from bitboot_lan.interfaces import Address

from bitboot_core import BackendConfig, KnownHost, ListenFailed
from bitboot_core.testing.contract import BackendContract, World

from .group import LOOPBACK, found

pytest.importorskip("zeroconf", reason="zeroconf is not installed: DNS-SD is not tested")

from bitboot_lan import responder
from bitboot_lan.dnssd import DnssdBackend
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

pytestmark = pytest.mark.once  # it is the library that does it

KEY, MINE = b"\x07" * 20, KnownHost("", 7001)
PEER = KnownHost("127.0.0.1", 7001)


class TestDnssd(BackendContract):
    entry_point = "lan"
    backend = "lan-dnssd"

    @asynccontextmanager
    async def world(self) -> AsyncIterator[World]:
        yield World(
            make=lambda: DnssdBackend(LOOPBACK, patience=0.2),
            no_clock="zeroconf goes by the system's clock",
        )


@asynccontextmanager
async def running(*arguments: Any, **more: Any) -> AsyncIterator[DnssdBackend]:
    backend = DnssdBackend(LOOPBACK, *arguments, **more)
    await backend.start()
    try:
        yield backend
    finally:
        await backend.aclose()


@asynccontextmanager
async def stranger() -> AsyncIterator[AsyncZeroconf]:
    zeroconf = AsyncZeroconf(["127.0.0.1"])
    try:
        yield zeroconf
    finally:
        await zeroconf.async_close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)


async def say(zeroconf: AsyncZeroconf, name: str, address: bytes, **properties: str) -> AsyncServiceInfo:
    """A stranger announces an instance."""
    info = AsyncServiceInfo(
        responder.SERVICE,
        f"{name}.{responder.SERVICE}",
        addresses=[address],
        port=7002,
        properties=properties,
        server=f"{name}.local.",
    )
    await zeroconf.async_register_service(info, cooperating_responders=True)
    return info


HOME = bytes([127, 0, 0, 1])


async def test_who_starts_later_finds_who_is_there() -> None:
    async with running() as one:
        await one.announce(KEY, MINE, lifetime=600)
        async with running() as other:
            assert await found(other, KEY) == [PEER]


async def test_only_the_key_is_told_and_the_name_is_random() -> None:
    async with stranger() as zeroconf, running() as one, running() as other:
        seen: list[AsyncServiceInfo] = []
        for backend in (one, other):
            await backend.announce(KEY, MINE, lifetime=600)
            seen.extend(backend._running._ours.values())
        first, second = seen
        assert first.name != second.name
        info = AsyncServiceInfo(responder.SERVICE, first.name)
        assert await info.async_request(zeroconf.zeroconf, 3_000)
        assert info.properties == {b"key": KEY.hex().encode()}
        assert (info.port, info.parsed_addresses()) == (7001, ["127.0.0.1"])


async def test_what_expires_is_gone() -> None:
    async with running(patience=0.2) as one, running(patience=0.2) as other:
        await one.announce(KEY, MINE, lifetime=0.3)
        assert await found(other, KEY) == [PEER]
        await until(lambda: other.stats()["instances"] == 0)
        assert await found(other, KEY) == []


async def test_what_strangers_say_is_checked() -> None:
    """A key that is none, and addresses that are on no network of ours, are passed over."""
    async with running(patience=0.2) as backend, stranger() as zeroconf:
        await say(zeroconf, "no-key", HOME)
        await say(zeroconf, "short", HOME, key="abcd")
        await say(zeroconf, "no-hex", HOME, key="x" * 40)
        await say(zeroconf, "far-away", bytes([203, 0, 113, 7]), key=KEY.hex())
        good = await say(zeroconf, "good", HOME, key=KEY.hex())
        await until(lambda: backend.stats()["instances"] == 1 and backend.stats()["malformed"] >= 4)
        assert await found(backend, KEY) == [KnownHost("127.0.0.1", 7002)]
        assert backend.stats()["foreign"] == 1
        await zeroconf.async_unregister_service(good)
        await until(lambda: backend.stats()["instances"] == 0)
        assert await found(backend, KEY) == []


async def test_how_many_are_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responder, "MAX_INSTANCES", 5)
    async with running(patience=0.2) as backend, stranger() as zeroconf:
        for number in range(12):
            await say(zeroconf, f"one-{number}", HOME, key=bytes([number] * 20).hex())
        await until(lambda: bytes([11] * 20) in backend._running._peers._keys)
        assert backend.stats()["instances"] == backend.stats()["stored_peers"] == 5


async def test_interfaces_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responder, "LOOK_EVERY", 0.02)
    addresses: Sequence[Address] = [Address(1, "127.0.0.1", 8)]
    backend = DnssdBackend(BackendConfig(network="x", protocol="dns-sd"), 0.2, lambda: addresses)
    await backend.start()
    moved = asyncio.Event()
    backend.on_moved(moved.set)
    try:
        async with running(patience=0.2) as other:
            await backend.announce(KEY, MINE, lifetime=600)
            assert await found(other, KEY) == [PEER]
            addresses = [Address(1, "127.0.0.1", 8), Address(1, "127.0.0.2", 8)]
            await moved.wait()
            wanted = {PEER, KnownHost("127.0.0.2", 7001)}
            known = other._running.peers_of
            await until(lambda: set(known(KEY)) == wanted)
    finally:
        await backend.aclose()


async def test_another_port_than_multicast_dns_s_is_refused() -> None:
    config = BackendConfig(network="x", protocol="dns-sd", listen=KnownHost("127.0.0.1", 7))
    with pytest.raises(ListenFailed, match="5353"):
        await DnssdBackend(config).start()


def test_without_zeroconf_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    _, spec = plugin.bitboot_backends()
    assert spec.unavailable() is None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "bitboot-core[zeroconf]" in (spec.unavailable() or "")
