"""Nodes on loopback, ours and the library's own, that come, go and lie."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import trio
from bitboot_libp2p import messages
from bitboot_libp2p.addresses import pack
from bitboot_libp2p.backend import Libp2pBackend
from bitboot_libp2p.cids import cid, multihash
from bitboot_libp2p.server import MAX_INBOUND
from bitboot_libp2p.testnet import Testnet
from bitboot_libp2p.trio_thread import TrioThread
from libp2p import new_host
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.custom_types import TProtocol
from libp2p.kad_dht.common import PROTOCOL_ID
from libp2p.kad_dht.kad_dht import DHTMode, KadDHT
from libp2p.peer.id import ID
from libp2p.peer.peerinfo import PeerInfo
from libp2p.tools.anyio_service import background_trio_service
from multiaddr import Multiaddr

from bitboot_core import BackendConfig, BackendUnavailable, KnownHost, ListenFailed, swarm_key

KEY = swarm_key("unique_network")


def config(port: int = 0, folder: Path | None = None) -> BackendConfig:
    return BackendConfig(
        network="libp2p", protocol="libp2p-kad", listen=KnownHost("127.0.0.1", port), state_dir=folder
    )


@asynccontextmanager
async def running(settings: BackendConfig | None = None) -> AsyncIterator[Libp2pBackend]:
    backend = Libp2pBackend(settings or config())
    await backend.start()
    try:
        yield backend
    finally:
        await backend.aclose()


async def found(backend: Libp2pBackend, key: bytes = KEY) -> set[KnownHost]:
    return {peer async for peer in backend.lookup(key)}


class Stock:
    """A host of the library's with its own DHT, in trio."""

    def __init__(self, host: Any, dht: Any) -> None:
        self.host, self.dht = host, dht

    @property
    def address(self) -> KnownHost:
        port = int(self.host.get_transport_addrs()[0].value_for_protocol("tcp"))
        return KnownHost("127.0.0.1", port, self.host.get_id().to_base58())

    async def join(self, contact: KnownHost) -> None:
        peer = ID.from_string(contact.peer_id)
        await self.host.connect(PeerInfo(peer, [Multiaddr(f"/ip4/{contact.host}/tcp/{contact.port}")]))
        await self.dht.routing_table.add_peer(
            PeerInfo(peer, [Multiaddr(f"/ip4/{contact.host}/tcp/{contact.port}")])
        )


@asynccontextmanager
async def stock() -> AsyncIterator[Stock]:
    where = Multiaddr("/ip4/127.0.0.1/tcp/0")
    host = new_host(key_pair=create_new_key_pair(), listen_addrs=[where])
    async with host.run(listen_addrs=[where]):
        dht = KadDHT(host, DHTMode.SERVER)
        async with background_trio_service(dht):
            yield Stock(host, dht)


async def test_ten_nodes_find_all_ten_and_still_do_when_half_are_gone() -> None:
    async with Testnet(10) as testnet:
        wanted = {KnownHost("192.0.2.7", 7000 + number) for number in range(10)}
        for backend, endpoint in zip(testnet.backends, sorted(wanted), strict=True):
            receipt = await backend.announce(KEY, endpoint, lifetime=600)
            assert receipt.stored_on == 9
        for backend in testnet.backends:
            assert await found(backend) == wanted
        for _ in range(5):
            await testnet.remove()
        for backend in testnet.backends:
            assert await found(backend) == wanted


async def test_stock_hosts_and_ours_find_each_other() -> None:
    thread: TrioThread[Stock] = TrioThread("stock")
    try:
        theirs = await thread.start(stock)
        async with running() as ours, running() as other:
            assert await ours.bootstrap([theirs.address]) == 1
            assert await other.bootstrap([ours.address]) == 1
            await thread.call(lambda: theirs.join(ours.address))
            receipt = await ours.announce(KEY, KnownHost("192.0.2.7", 7001), lifetime=600)
            assert receipt.stored_on == 2

            assert await thread.call(lambda: theirs.dht.provide(cid(KEY)))
            assert await found(other) == {KnownHost("192.0.2.7", 7001), theirs.address}

            another = swarm_key("another")
            await other.announce(another, KnownHost("192.0.2.8", 7002), lifetime=600)
            providers = await thread.call(lambda: theirs.dht.find_providers(cid(another)))
            assert [str(address) for one in providers for address in one.addrs] == ["/ip4/192.0.2.8/tcp/7002"]
            assert [one.peer_id.to_base58() for one in providers] == [other.address.peer_id]
    finally:
        await thread.aclose()


async def test_hostile_records_are_not_kept() -> None:
    async with running() as one, running() as other:
        await other.bootstrap([one.address])
        node = other.node
        thread: Any = other._thread
        peer = ID.from_string(one.address.peer_id).to_bytes()

        def offer(provider: bytes, addresses: list[bytes]) -> Callable[[], Awaitable[Any]]:
            message = messages.request(messages.ADD_PROVIDER, multihash(KEY))
            entry = message.providerPeers.add()
            entry.id = provider
            entry.addrs.extend(addresses)
            return lambda: node.ask(peer, message, None)

        good = pack(KnownHost("192.0.2.7", 7001))
        await thread.call(offer(peer, [good]))  # in the name of somebody else
        assert await found(one) == set()
        await thread.call(
            offer(node.id, [b"", b"\xff" * 20, b"\x04\x01", b"\x04\x00\x00\x00\x00\x06\x00\x01"])
        )
        assert await found(one) == set()
        many = [pack(KnownHost("192.0.2.7", port)) for port in range(1, 10_001)]
        assert await thread.call(offer(node.id, many)) is None  # too long a message: the stream is reset
        assert await found(one) == set()
        await thread.call(offer(node.id, many[:5000]))
        assert len(await found(one)) == 64
        await thread.call(offer(node.id, [good]))
        assert await found(one) == {KnownHost("192.0.2.7", 7001)}


async def test_whoever_holds_all_streams_shuts_nobody_out() -> None:
    """One host opens more streams than are served, and says nothing on them."""
    async with running() as one, running() as stranger, running() as friend, running() as newcomer:
        for backend in (stranger, friend):
            await backend.bootstrap([one.address])
        peer = ID(ID.from_string(one.address.peer_id).to_bytes())
        held: list[Any] = []

        async def hold_all() -> None:
            while len(held) < MAX_INBOUND + 20:
                held.append(await stranger.node._host.new_stream(peer, [TProtocol(PROTOCOL_ID)]))

        thread: Any = stranger._thread
        await thread.call(hold_all)
        assert await newcomer.bootstrap([one.address]) == 1
        receipt = await friend.announce(KEY, KnownHost("192.0.2.7", 7001), lifetime=600)
        assert receipt.stored_on >= 1
        assert await found(newcomer) == {KnownHost("192.0.2.7", 7001)}
        assert one.stats()["displaced"] > 0


async def test_a_contact_without_a_peer_id_is_asked_for_it(tmp_path: Path) -> None:
    async with running() as one, running() as other:
        assert await other.bootstrap([KnownHost("127.0.0.1", one.address.port)]) == 1
        assert [str(contact) for contact in other.contacts()] == [str(one.address)]


async def test_the_key_pair_is_kept(tmp_path: Path) -> None:
    async with running(config(folder=tmp_path)) as backend:
        before = backend.address.peer_id
    async with running(config(folder=tmp_path)) as backend:
        assert backend.address.peer_id == before


async def test_a_port_that_is_taken_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ListenFailed, match="cannot be listened on"):
            async with running(config(taken.getsockname()[1])):
                pass
    async with running() as backend:
        with pytest.raises(ListenFailed, match="cannot be listened on"):
            async with running(config(backend.address.port)):
                pass


@pytest.fixture(params=[None, "0.7.3"])
def too_old(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def version(_: str) -> str:
        if request.param is None:
            raise metadata.PackageNotFoundError
        return str(request.param)

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.usefixtures("too_old")
def test_a_library_that_is_missing_or_too_old_is_one_clear_sentence() -> None:
    with pytest.raises(
        BackendUnavailable, match=r"the package libp2p is (not installed|too old: 0\.7\.3)"
    ) as failure:
        Libp2pBackend(config())
    assert "pip install" in failure.value.hint


async def test_cancelled_calls_reach_trio() -> None:
    async with running() as backend:
        thread: Any = backend._thread
        begun, ended = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        async def wait() -> None:
            loop.call_soon_threadsafe(begun.set)
            try:
                await trio.sleep_forever()
            finally:
                loop.call_soon_threadsafe(ended.set)

        task = asyncio.create_task(thread.call(wait))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ended.wait()
