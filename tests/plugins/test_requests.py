"""On every network that carries requests: a node announced under a key is found there, and can be asked."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import bitboot_btdht.testnet
import bitboot_kademlia.testnet
import pytest
from bitboot_lan.backend import LanBackend
from bitboot_lan.settings import Settings

from bitboot_core import BackendSpec, BitBoot, NetworkDefinition, Registry, SwarmKey
from bitboot_core._networks.requests import Requests

LISTEN = "127.0.0.1:0"


@asynccontextmanager
async def settings(network: str) -> AsyncIterator[dict[str, Any]]:
    """Of BitBoots that meet on a network of their own."""
    async with AsyncExitStack() as stack:
        if network == "local":
            yield {"network": NetworkDefinition("requests", protocol="local")}
        elif network == "lan":
            chance = random.Random(os.urandom(8))
            group = Settings(  # which no real network hears
                groups={
                    4: f"239.255.{chance.randrange(256)}.{chance.randrange(1, 255)}",
                    6: "ff15::efc0:988f",
                },
                port=chance.randrange(20_000, 30_000),
                gather=0.0,
                jitter=0.01,
                patience=0.5,
            )
            registry = Registry()
            registry.register_backend(
                BackendSpec("private", ["private"], lambda config: LanBackend(config, group))
            )
            yield {
                "network": NetworkDefinition("private", protocol="private"),
                "registry": registry,
                "listen": LISTEN,
            }
        else:
            testnets = {"mainline": bitboot_btdht.testnet, "kademlia": bitboot_kademlia.testnet}
            testnet = await stack.enter_async_context(testnets[network].Testnet(8))
            yield {"network": network, "bootstrap": testnet.bootstrap, "listen": LISTEN}


def requests_of(bitboot: BitBoot) -> Requests:
    (network,) = bitboot._networks
    return network.requests


@pytest.mark.parametrize("network", ["local", "lan", "kademlia", "mainline"])
async def test_a_node_that_announces_itself_is_asked_where_it_is_found(network: str) -> None:
    key = SwarmKey(b"\x17" * 20)
    async with (
        settings(network) as chosen,
        BitBoot(**chosen, state_dir=False) as member,
        BitBoot(**chosen, state_dir=False) as other,
    ):
        assert requests_of(other).max_payload == 1_000
        end = requests_of(member).answer(lambda sender, payload: payload[::-1])
        async with member.announce(key, port=0) as announcement:
            await announcement.announced()
            (peer,) = await other.lookup(key)
            answer = await requests_of(other).ask(peer.endpoint, b"hello", timeout=10)
            assert answer == b"olleh"
        end()
