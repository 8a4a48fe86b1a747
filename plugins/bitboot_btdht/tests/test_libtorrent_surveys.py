"""Scrapes (BEP 33) and samples (BEP 51) between libtorrent and us. Real UDP, loopback only."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Iterator

import pytest
from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.testnet import Testnet
from bitboot_btdht.wire import bloom, compact, krpc

from bitboot_core import BackendConfig, BitBoot, KnownHost

pytest.importorskip(
    "libtorrent",
    reason="LIBTORRENT IS NOT INSTALLED: nothing was tested against a real client (pip install libtorrent)",
)

from .libtorrent_swarm import Swarm

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 on loopback"),
]

HOSTS = [f"127.0.0.{number}" for number in range(11, 19)]
SEEDS = 3
LISTEN = "127.0.0.1:0"
TARGET = b"t" * 20


def key(name: str) -> bytes:
    return hashlib.sha1(name.encode()).digest()


@pytest.fixture(scope="module")
def swarm() -> Iterator[Swarm]:
    """Eight libtorrent nodes at addresses of their own, all of which are announced, three as seeds."""
    swarm = Swarm(len(HOSTS), hosts=HOSTS)
    swarm.announce(key("a torrent"), range(7001, 7001 + len(HOSTS)), seeds=SEEDS)
    yield swarm
    swarm.close()


async def test_a_swarm_of_libtorrent_is_counted_to_the_peer(swarm: Swarm) -> None:
    async with BitBoot(
        network="mainline", bootstrap=swarm.bootstrap, listen=LISTEN, state_dir=False
    ) as bitboot:
        size = await bitboot.size("a torrent")
        assert (size.seeds, size.peers) == (SEEDS, len(HOSTS) - SEEDS)
        assert size.answered == 8
        assert (await bitboot.size("nobody's")).total == 0


async def test_libtorrents_filters_are_ours_to_the_bit(swarm: Swarm) -> None:
    backend = MainlineBackend(
        BackendConfig(network="mainline", protocol="mainline", listen=KnownHost.parse(LISTEN))
    )
    await backend.start()
    try:
        for session in swarm.sessions:
            answered: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            backend.node.query(
                compact.pack(session.host, session.port),
                b"get_peers",
                {b"info_hash": key("a torrent"), b"scrape": 1},
                answered.set_result,
                now=asyncio.get_running_loop().time(),
            )
            backend._running.flush()
            reply = await answered
            assert isinstance(reply, krpc.Response)
            others = [host for number, host in enumerate(HOSTS) if number >= SEEDS and host != session.host]
            seeds = [host for number, host in enumerate(HOSTS) if number < SEEDS and host != session.host]
            for name, hosts in ((b"BFpe", others), (b"BFsd", seeds)):
                wanted = bloom.bloom(compact.pack(host, 0)[:-2] for host in hosts)
                found = bloom.unpacked(reply.values[name])
                assert found is not None
                assert found & wanted == wanted, "libtorrent may have stored what it announced itself"
                assert bloom.estimate(found) <= len(hosts) + 1.5
    finally:
        await backend.aclose()


async def test_what_we_announce_is_counted_by_libtorrents_nodes(swarm: Swarm) -> None:
    async with BitBoot(
        network="mainline", bootstrap=swarm.bootstrap, listen=LISTEN, state_dir=False
    ) as bitboot:
        await bitboot.announce_peer("ours", "127.0.0.1:7002")
        assert (await bitboot.size("ours")).total == 1


async def test_libtorrents_keys_are_sampled(swarm: Swarm) -> None:
    backend = MainlineBackend(
        BackendConfig(network="mainline", protocol="mainline", listen=KnownHost.parse(LISTEN))
    )
    await backend.start()
    try:
        await backend.bootstrap(swarm.bootstrap)
        samples = [sample async for sample in backend.sample()]
        assert len(samples) == len(HOSTS)
        assert key("a torrent") in {one for sample in samples for one in sample.keys}
        assert all(0 <= sample.interval <= 21_600 and sample.stored >= len(sample.keys) for sample in samples)
    finally:
        await backend.aclose()


async def test_libtorrent_samples_our_keys(swarm: Swarm) -> None:
    async with Testnet(8) as testnet:
        now = asyncio.get_running_loop().time()
        node = testnet.nodes[0]
        for number in range(5):
            node.store.add(bytes([number]) * 20, compact.pack(f"20.0.0.{number + 1}", 6881), now)
        told = await asyncio.to_thread(swarm.sessions[0].sample, testnet.bootstrap[0], TARGET)
        assert told.keys == {bytes([number]) * 20 for number in range(5)}
        assert told.stored == 5
        assert 0 < told.interval <= 60
        assert told.nodes > 0
