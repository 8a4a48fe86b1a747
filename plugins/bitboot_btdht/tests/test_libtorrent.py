"""Side by side with libtorrent, the client that most of mainline runs. Real UDP, loopback only."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.testnet import Testnet
from bitboot_btdht.wire import compact

from bitboot_core import BitBoot, KnownHost

pytest.importorskip(
    "libtorrent",
    reason="LIBTORRENT IS NOT INSTALLED: nothing was tested against a real client (pip install libtorrent)",
)

from .conftest import PATIENCE, eventually
from .libtorrent_swarm import Session, Swarm, wait_for

pytestmark = pytest.mark.once

SWARMS = [f"swarm number {number}" for number in range(20)]
BITBOOT = [sys.executable, "-m", "bitboot_core"]


def knows(node: Node, count: int) -> bool:
    """Whether a node of ours has so many contacts."""
    return sum(map(len, node.tables.values())) >= count


def has_met(testnet: Testnet, node: Node, contacts: list[bytes], under_way: list[bool]) -> bool:
    """Whether a node knows ten others. Until then it bootstraps, again where too few of theirs answered."""
    if not under_way:
        under_way.append(True)
        node.bootstrap(contacts, lambda count: under_way.clear(), now=asyncio.get_running_loop().time())
        testnet.flush()
    return knows(node, 10)


async def finds(bitboot: BitBoot, wanted: set[tuple[str, int]]) -> bool:
    """Whether a lookup brings just these peers."""
    return {(peer.host, peer.port) for peer in await bitboot.lookup("mixed")} == wanted


def peers_of(node: Node, info_hash: bytes) -> list[bytes]:
    """The peers that a node of ours stores."""
    return [peer for family in node.tables for peer in node.store.get(info_hash, family, 99, node.now)]


def key(name: str) -> bytes:
    return hashlib.sha1(name.encode()).digest()


@pytest.fixture(scope="module")
def swarm() -> Iterator[Swarm]:
    """Eight libtorrent nodes that know each other."""
    swarm = Swarm(8)
    yield swarm
    swarm.close()


def options(swarm: Swarm) -> list[str]:
    first = swarm.bootstrap[0]
    return ["--network", "mainline", "--bootstrap", str(first), "--listen", "127.0.0.1:0", "--json"]


async def command(*arguments: str) -> list[dict[str, Any]]:
    """Run `bitboot` to its end; the JSON lines that it printed."""
    process = await asyncio.create_subprocess_exec(*BITBOOT, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, output.decode()
    return [json.loads(line) for line in output.splitlines()]


async def test_bitboot_lookup_finds_every_peer_that_libtorrent_announced(swarm: Swarm) -> None:
    """20 names with 20 peers each."""
    for number, name in enumerate(SWARMS):
        ports = range(10_000 + 100 * number, 10_020 + 100 * number)
        await asyncio.to_thread(swarm.announce, key(name), ports)
    for number, name in enumerate(SWARMS):
        events = await command("lookup", name, *options(swarm))
        peers = {(event["host"], event["port"]) for event in events if event["event"] == "peer"}
        assert peers == {("127.0.0.1", 10_000 + 100 * number + n) for n in range(20)}
        assert events[-1]["event"] == "done"
        assert events[-1]["peers"] == 20


async def test_libtorrent_finds_what_bitboot_announce_announced(swarm: Swarm) -> None:
    """20 of 20, within 3 seconds of the line that says "announced"."""
    async with AsyncExitStack() as announcers:  # all stay until the end: libtorrent waits for dead ones
        for number, name in enumerate(SWARMS):
            port = 30_000 + number
            await announcers.enter_async_context(announced(swarm, name, port))
            finder = swarm.sessions[number % len(swarm.sessions)]
            wanted = {("127.0.0.1", port)}
            assert wanted <= await asyncio.to_thread(finder.get_peers, key(name), wanted, 3.0)


@asynccontextmanager
async def announced(swarm: Swarm, name: str, port: int) -> AsyncIterator[None]:
    """`bitboot announce`, from the line that says "announced" until it is told to end."""
    process = await asyncio.create_subprocess_exec(
        *BITBOOT, "announce", name, "--port", str(port), *options(swarm), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            async for line in process.stdout:
                if json.loads(line)["event"] == "announced":
                    break
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.communicate(), PATIENCE)


@pytest.fixture(params=["127.0.0.1", "::1"])
async def testnet(request: pytest.FixtureRequest) -> AsyncIterator[Testnet]:
    """Eight of our nodes, on IPv4 and on IPv6."""
    if request.param == "::1":
        request.getfixturevalue("ipv6")
    async with Testnet(8, host=request.param) as testnet:
        yield testnet


async def test_a_libtorrent_node_that_knows_one_of_ours_joins_announces_and_finds(testnet: Testnet) -> None:
    host = testnet.addresses[0].host
    session = await asyncio.to_thread(Session, host)
    try:
        session.know(testnet.addresses[:1])
        await asyncio.to_thread(wait_for, partial(session.knows, 1), "libtorrent to join our swarm")
        settings: dict[str, Any] = {"bootstrap": testnet.bootstrap, "listen": KnownHost(host, 0)}
        async with BitBoot(network="mainline", **settings) as bitboot:
            session.announce(key("from libtorrent"), 4444)
            stored = compact.pack(host, 4444)
            await eventually(
                lambda: any(stored in peers_of(node, key("from libtorrent")) for node in testnet.nodes),
                "libtorrent to announce",
            )
            assert [str(peer.endpoint) for peer in await bitboot.lookup("from libtorrent")] == [
                str(KnownHost(host, 4444))
            ]
            await bitboot.announce_peer("from bitboot", KnownHost("", 5555))
            wanted = {(host, 5555)}
            assert wanted <= await asyncio.to_thread(session.get_peers, key("from bitboot"), wanted, PATIENCE)
    finally:
        await asyncio.to_thread(session.close)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_mixed_swarm_of_eight_and_eight(host: str, request: pytest.FixtureRequest) -> None:
    """What anyone announces is found by everyone, whichever nodes store it."""
    if host == "::1":
        request.getfixturevalue("ipv6")
    async with Testnet(8, host=host) as testnet:
        swarm = await asyncio.to_thread(Swarm, 8, host)
        try:
            for session in swarm.sessions:
                session.know(testnet.bootstrap)
            for node in list(testnet.nodes):
                contacts = [compact.pack(c.host, c.port) for c in swarm.bootstrap]
                meets = partial(has_met, testnet, node, contacts, under_way=[])
                await eventually(meets, "our nodes to know theirs")
            settings: dict[str, Any] = {"bootstrap": testnet.bootstrap, "listen": KnownHost(host, 0)}
            async with BitBoot(network="mainline", **settings) as bitboot:
                for port in range(6000, 6004):
                    swarm.sessions[port - 6000].announce(key("mixed"), port)
                await bitboot.announce_peer("mixed", KnownHost("", 6004))
                everyone = {(host, port) for port in range(6000, 6005)}
                await eventually(partial(finds, bitboot, everyone), "us to find everyone")
                for session in swarm.sessions:
                    found = await asyncio.to_thread(session.get_peers, key("mixed"), everyone, PATIENCE)
                    assert found >= everyone
        finally:
            await asyncio.to_thread(swarm.close)
