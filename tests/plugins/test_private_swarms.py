"""Private swarms on every network that carries requests; on mainline, what outsiders see of a member."""

from __future__ import annotations

import asyncio
import random
import socket
from typing import Any

import pytest
from bitboot_btdht.testnet import Testnet
from bitboot_btdht.wire import bencode

from bitboot_core import BitBoot, Identity, SwarmSecret

from .test_requests import settings

SECRET = SwarmSecret("bbs1aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq")
NAME = "unique_network"


@pytest.mark.parametrize("network", ["local", "lan", "kademlia", "mainline"])
async def test_members_find_and_reach_each_other(network: str) -> None:
    ada, bob = Identity.generate(), Identity.generate()
    async with (
        settings(network) as chosen,
        BitBoot(**chosen, state_dir=False, identity=ada) as one,
        BitBoot(**chosen, state_dir=False, identity=bob) as other,
        BitBoot(**chosen, state_dir=False) as outsider,
        one.join(NAME, port=7001, secret=SECRET, data=b"hello") as swarm,
    ):
        await swarm.announced()
        async with other.join(NAME, port=7002, secret=SECRET) as theirs:
            async for event in theirs:
                if event.peer.member == ada.public_key:
                    break
            assert (event.peer.port, event.peer.data) == (7001, b"hello")
            await theirs.send(ada.public_key, b"offer")
            message = await anext(swarm.messages())
            assert (message.member, message.data) == (bob.public_key, b"offer")
        assert await outsider.lookup(NAME) == []
        async with outsider.find(NAME, secret=SwarmSecret.generate()) as found:
            assert await found.collect() == []


class Prober:
    """Asks nodes of mainline raw queries."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)

    async def ask(self, port: int, method: bytes, arguments: dict[bytes, Any]) -> Any:
        """The reply, without what every node has of its own; None for none."""
        query = {b"t": b"aa", b"y": b"q", b"q": method, b"a": {b"id": b"\x42" * 20, **arguments}}
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(self._socket, bencode.encode(query), ("127.0.0.1", port))
        try:
            async with asyncio.timeout(0.5):
                reply: Any = {}
                while reply.get(b"y") in (None, b"q"):  # it asks us too
                    reply = bencode.decode(await loop.sock_recv(self._socket, 4096))
        except TimeoutError:
            return None
        values = reply.get(b"r")
        if isinstance(values, dict):
            for own in (b"id", b"token", b"nodes"):
                if isinstance(values.get(own), bytes):
                    values[own] = len(values[own])
        return reply

    def close(self) -> None:
        self._socket.close()


@pytest.mark.once
async def test_no_byte_tells_a_member_of_a_private_swarm_from_a_stranger() -> None:
    chance = random.Random(1)
    key = chance.randbytes(20)
    probes: list[tuple[bytes, dict[bytes, Any]]] = [
        (b"ping", {}),
        (b"find_node", {b"target": key}),
        (b"get_peers", {b"info_hash": key}),
        (b"nonsense", {}),
        (b"bitboot", {}),
        (b"bitboot", {b"payload": b""}),
        (b"bitboot", {b"payload": 5}),
        (b"bitboot", {b"payload": bytes(1000)}),
        (b"bitboot", {b"payload": bytes(1001)}),
        (b"bitboot", {b"payload": bytes(1000), b"target": key}),
        *((b"bitboot", {b"payload": chance.randbytes(length)}) for length in (1, 16, 48, 200, 1000)),
    ]
    async with (
        Testnet(8) as testnet,
        BitBoot(
            network="mainline", bootstrap=testnet.bootstrap, listen="127.0.0.1:0", state_dir=False
        ) as member,
        BitBoot(
            network="mainline", bootstrap=testnet.bootstrap, listen="127.0.0.1:0", state_dir=False
        ) as stranger,
        member.join(NAME, port=7001, secret=SECRET) as swarm,
    ):
        await swarm.announced()
        await stranger.ready()
        prober = Prober()
        try:
            for method, arguments in probes:
                replies = [
                    await prober.ask(one.networks()["mainline"].listen.port, method, arguments)  # type: ignore[union-attr]
                    for one in (member, stranger)
                ]
                assert replies[0] == replies[1], (method, arguments)
        finally:
            prober.close()
