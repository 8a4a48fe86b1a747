"""The node on real UDP: binding, errors, and strangers with bad manners."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.testnet import Testnet
from bitboot_btdht.udp import UdpDriver, bind, is_own_address
from bitboot_btdht.wire import bencode, krpc

from bitboot_core import HostNotFound, KnownHost, ListenFailed

from .conftest import PATIENCE
from .hostile import MAKERS

LOOPBACK = KnownHost("127.0.0.1", 0)


def make_node(families: list[int], now: float) -> Node:
    return Node(now=now, families=families, settings=Settings().relaxed())


@pytest.fixture
async def driver() -> AsyncIterator[UdpDriver]:
    driver = await UdpDriver.open(make_node, LOOPBACK)
    yield driver
    await driver.aclose()


class Client:
    """A plain UDP socket that talks to one node."""

    def __init__(self, target: KnownHost, host: str = "127.0.0.1") -> None:
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self._target = (target.host, target.port)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()

    def send(self, datagram: bytes) -> None:
        self._socket.sendto(datagram, self._target)

    async def ask(self, method: bytes, **arguments: object) -> dict[bytes, object]:
        """A query's reply."""
        named = {name.encode(): value for name, value in arguments.items()}
        transaction = random.randbytes(6)
        self.send(krpc.query(transaction, method, {b"id": b"c" * 20, **named}))
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            while True:
                reply = bencode.decode(await loop.sock_recv(self._socket, 65536))
                if reply[b"t"] == transaction:
                    return dict(reply)


async def test_answers_on_the_port_it_was_given(driver: UdpDriver) -> None:
    assert driver.address.host == "127.0.0.1"
    assert driver.address.port > 0
    with Client(driver.address) as client:
        reply = await client.ask(b"ping")
    assert reply[b"r"] == {b"id": driver.node.id}


async def test_a_port_in_use_is_said_to_be(driver: UdpDriver) -> None:
    with pytest.raises(ListenFailed, match=str(driver.address.port)) as caught:
        await UdpDriver.open(make_node, driver.address)
    assert "port" in caught.value.hint


async def test_an_address_of_somebody_else_is_said_to_be() -> None:
    with pytest.raises(ListenFailed) as caught:
        await UdpDriver.open(make_node, KnownHost("198.51.100.7", 0))
    assert caught.value.hint


async def test_a_name_that_does_not_resolve_is_said_not_to() -> None:
    with pytest.raises(HostNotFound, match=r"nowhere\.invalid"):
        await bind(KnownHost("nowhere.invalid", 0))


async def test_any_address_means_one_port_in_every_family() -> None:
    sockets = await bind(KnownHost("", 0))
    try:
        assert 4 in sockets
        assert len({sock.getsockname()[1] for sock in sockets.values()}) == 1
    finally:
        for sock in sockets.values():
            sock.close()


async def test_ipv6_works_alone(ipv6: None) -> None:
    driver = await UdpDriver.open(make_node, KnownHost("::1", 0))
    try:
        with Client(driver.address, "::1") as client:
            assert (await client.ask(b"ping"))[b"y"] == b"r"
    finally:
        await driver.aclose()


async def test_asks_the_kernel_for_room_for_bursts() -> None:
    sockets = await bind(LOOPBACK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ordinary:
        usual = ordinary.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    granted = sockets[4].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    sockets[4].close()
    assert granted > usual


async def test_closing_leaves_no_socket_and_no_task(driver: UdpDriver) -> None:
    before = asyncio.all_tasks()
    address = driver.address
    await driver.aclose()
    await driver.aclose()
    again = await UdpDriver.open(make_node, address)
    await again.aclose()
    assert asyncio.all_tasks() == before


async def test_a_bug_in_the_node_is_reported_and_survived(
    driver: UdpDriver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("a bug")

    with Client(driver.address) as client:
        with monkeypatch.context() as patch:
            patch.setattr(driver.node, "receive", broken)
            driver.receive(b"anything", ("127.0.0.1", 9999))
        assert "could not be handled" in caplog.text
        assert (await client.ask(b"ping"))[b"y"] == b"r"


async def test_own_addresses_are_known() -> None:
    assert is_own_address("127.0.0.1")
    assert not is_own_address("198.51.100.7")
    assert not is_own_address("router.example.org")


# Hostile datagrams


@pytest.mark.parametrize("make", MAKERS)
async def test_hostile_datagrams_are_survived(
    driver: UdpDriver, make: Callable[[random.Random], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """10,000 in all, on the socket, beside a client who is served."""
    rng = random.Random(make.__name__)
    caplog.set_level(logging.WARNING)
    with Client(driver.address) as enemy, Client(driver.address) as friend:
        for _ in range(25):
            for _ in range(100):
                enemy.send(make(rng))
            assert (await friend.ask(b"ping"))[b"r"] == {b"id": driver.node.id}
    assert driver.node.counters["errors"] == 0
    assert driver.node.counters["received"] >= 2000
    assert caplog.records == []


# The testnet


async def test_a_testnet_is_a_network_that_has_found_itself() -> None:
    async with Testnet(12) as testnet:
        assert len(testnet.nodes) == 12
        assert all(contact.host == "127.0.0.1" for contact in testnet.bootstrap)
        assert all(len(node.tables[4]) >= 3 for node in testnet.nodes)
        await testnet.remove()
        assert len(testnet.nodes) == 11
        await testnet.add()
        assert len(testnet.nodes) == 12


async def test_a_testnet_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Testnet(0)
