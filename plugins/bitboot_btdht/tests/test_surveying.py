"""Sizes and samples asked through the backend, of real nodes on loopback."""

from __future__ import annotations

import asyncio

import pytest
from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.lookup.survey import Sample
from bitboot_btdht.testnet import Testnet
from bitboot_btdht.wire import compact, krpc

from bitboot_core import BackendConfig, BackendError, BackendTimeout, KnownHost, NotRunning

KEY = b"k" * 20
CONFIG = BackendConfig(network="mainline", protocol="mainline", listen=KnownHost("127.0.0.1", 0))


def peer(number: int) -> bytes:
    return compact.pack(f"20.0.{number >> 8}.{number & 255}", 6881)


async def test_a_swarm_is_counted_and_no_peer_fetched() -> None:
    async with Testnet(12) as testnet:
        backend = MainlineBackend(CONFIG)
        await backend.start()
        try:
            await backend.bootstrap(testnet.bootstrap)
            empty = await backend.size(KEY)
            assert (empty.total, empty.answered) == (0, 8)
            for node in testnet.nodes:
                for number in range(300):
                    node.store.add(KEY, peer(number), asyncio.get_running_loop().time(), seed=number < 100)
            size = await backend.size(KEY)
            assert size.seeds == pytest.approx(100, abs=8)
            assert size.peers == pytest.approx(200, abs=12)
            assert size.asked >= 8
        finally:
            await backend.aclose()


async def test_the_keys_of_a_network_are_sampled() -> None:
    async with Testnet(12) as testnet:
        backend = MainlineBackend(CONFIG)
        await backend.start()
        try:
            with pytest.raises(BackendTimeout, match="no node to ask"):
                _ = [sample async for sample in backend.sample()]
            await backend.bootstrap(testnet.bootstrap)
            now = asyncio.get_running_loop().time()
            for number, node in enumerate(testnet.nodes):
                node.store.add(bytes([number]) * 20, peer(number), now)
            found: list[Sample] = [sample async for sample in backend.sample()]
            assert {key for sample in found for key in sample.keys} == {bytes([n]) * 20 for n in range(12)}
            assert {sample.host for sample in found} <= {KnownHost(*pair) for pair in _places(testnet)}
        finally:
            await backend.aclose()


def _places(testnet: Testnet) -> list[tuple[str, int]]:
    return [(driver.address.host, driver.address.port) for driver in testnet._members]


async def test_where_nobody_answers_a_survey_fails() -> None:
    async with Testnet(3) as testnet:
        backend = MainlineBackend(CONFIG)
        await backend.start()
        try:
            await backend.bootstrap(testnet.bootstrap)
            for node in testnet.nodes:
                node._server._read_only = True  # from now on it answers nobody
            with pytest.raises(BackendTimeout, match="none of the 3 nodes asked answered"):
                _ = [sample async for sample in backend.sample()]
        finally:
            await backend.aclose()


async def test_where_all_nodes_lie_or_refuse_a_swarm_is_not_said_to_be_empty() -> None:
    def lie(query: krpc.Query, address: bytes) -> dict[bytes, bytes]:
        return {b"BFsd": b"\xff" * 256, b"BFpe": b"\xff" * 256}

    async with Testnet(3) as testnet:
        backend = MainlineBackend(CONFIG)
        await backend.start()
        try:
            await backend.bootstrap(testnet.bootstrap)
            for node in testnet.nodes:
                node.extensions.answer(b"get_peers", lie)
            with pytest.raises(BackendError, match="none of the 3 nodes asked has told"):
                await backend.size(KEY)
        finally:
            await backend.aclose()


async def test_closing_ends_what_is_asked() -> None:
    async with Testnet(4) as testnet:
        backend = MainlineBackend(CONFIG)
        await backend.start()
        await backend.bootstrap(testnet.bootstrap)
        reading = backend.sample()
        counting = asyncio.ensure_future(backend.size(KEY))
        first = asyncio.ensure_future(anext(reading))
        await asyncio.sleep(0)
        await backend.aclose()
        for waiting in (counting, first):
            with pytest.raises(NotRunning):
                await waiting
        with pytest.raises(NotRunning):
            backend.sample()
        with pytest.raises(NotRunning):
            await backend.size(KEY)
