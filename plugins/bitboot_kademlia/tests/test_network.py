"""Sixty nodes and two hundred peers (what the plugin is measured by)."""

from __future__ import annotations

import asyncio
import random

import pytest
from bitboot_kademlia.testnet import Testnet

from bitboot_core import KnownHost, swarm_key

from .conftest import found

NODES = 60
KEY = swarm_key("a popular swarm")
PEERS = [KnownHost(f"30.0.0.{number}", 6881) for number in range(100)]
PEERS += [KnownHost(f"2001:db8::{number:x}", 6881) for number in range(50)]
PEERS += [KnownHost(f"peer-{number}.example.org", 6881) for number in range(50)]


async def announce_all(testnet: Testnet) -> None:
    """All peers at the same moment, by all nodes."""
    backends = testnet.backends
    receipts = await asyncio.gather(
        *(
            backends[number % len(backends)].announce(KEY, peer, lifetime=1_800)
            for number, peer in enumerate(PEERS)
        )
    )
    assert min(receipt.stored_on for receipt in receipts) >= 10


@pytest.mark.once
async def test_200_peers_announced_at_once_are_found_from_each_of_60_nodes_and_when_half_are_dead() -> None:
    """How long that takes is measured in benchmarks/kademlia_swarm.py."""
    async with Testnet(NODES) as testnet:
        await announce_all(testnet)
        for backend in testnet.backends:
            assert sorted(await found(backend, KEY)) == sorted(PEERS)
        rng = random.Random(1)
        for _ in range(NODES // 2):
            await testnet.remove(rng.randrange(len(testnet.backends)))
        for _ in range(2):
            lookups = await asyncio.gather(*(found(backend, KEY) for backend in testnet.backends))
            assert [sorted(peers) for peers in lookups] == [sorted(PEERS)] * (NODES // 2)


@pytest.mark.slow
async def test_all_nodes_but_three_replaced_one_by_one() -> None:
    """Without a word, and without a pause in which anybody could notice."""
    async with Testnet(NODES) as testnet:
        await announce_all(testnet)
        for _ in range(NODES - 3):
            await testnet.remove(3)
            await testnet.add()
        await testnet.healed()
        for backend in testnet.backends:
            assert sorted(await found(backend, KEY)) == sorted(PEERS)
        for _ in range(3):
            await testnet.remove(0)
        assert sorted(await found(testnet.backends[0], KEY)) == sorted(PEERS), "nor was it those three"
