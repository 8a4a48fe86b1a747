"""The node on real UDP: binding, errors, and strangers with bad manners."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib.util
import logging
import random
import socket
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from bitboot_btdht.looking_up import lookup
from bitboot_btdht.node import Node
from bitboot_btdht.settings import Settings
from bitboot_btdht.testnet import Testnet
from bitboot_btdht.udp import UdpDriver
from bitboot_btdht.wire import bencode, compact, krpc

from bitboot_core import KnownHost, ListenFailed
from bitboot_core.testing import LoopWithoutReaders

from .conftest import PATIENCE, eventually
from .hostile import MAKERS

LOOPBACK = KnownHost("127.0.0.1", 0)
KEY = bytes(19) + b"`"  # "a", "b" and "c" are 1, 2 and 3 from it at the end

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.SelectorEventLoop, LoopWithoutReaders]
if importlib.util.find_spec("uvloop") is not None:
    import uvloop

    LOOPS.append(uvloop.new_event_loop)


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
        self.answered_from: object = None

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
                datagram, self.answered_from = await loop.sock_recvfrom(self._socket, 65536)
                reply = bencode.decode(datagram)
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


async def test_ipv6_works_alone(ipv6: None) -> None:
    driver = await UdpDriver.open(make_node, KnownHost("::1", 0))
    try:
        with Client(driver.address, "::1") as client:
            assert (await client.ask(b"ping"))[b"y"] == b"r"
    finally:
        await driver.aclose()


async def test_closing_leaves_no_socket_and_no_task(driver: UdpDriver) -> None:
    before = asyncio.all_tasks()
    address = driver.address
    await driver.aclose()
    await driver.aclose()
    again = await UdpDriver.open(make_node, address)
    await again.aclose()
    assert asyncio.all_tasks() == before


async def test_a_bug_in_the_node_is_reported_and_survived(
    driver: UdpDriver, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(outcome: object) -> None:
        raise RuntimeError("a bug")

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.bind(("127.0.0.1", 0))
        asked.settimeout(PATIENCE)
        address = compact.pack(*asked.getsockname())
        driver.node.query(address, b"ping", {}, broken, now=asyncio.get_running_loop().time())
        transaction = bencode.decode(asked.recv(1_500))[b"t"]
        assert not driver._driving.receive(
            krpc.response(transaction, {b"id": b"a" * 20}, address), asked.getsockname()
        )
    assert "could not be handled" in caplog.text
    with Client(driver.address) as client:
        assert (await client.ask(b"ping"))[b"y"] == b"r"


async def test_an_exception_of_a_callback_does_not_stop_the_clock(
    driver: UdpDriver, caplog: pytest.LogCaptureFixture
) -> None:
    """A query that nobody answers ends in a callback that raises; the next one's end is told all the same."""

    def broken(outcome: object) -> None:
        raise RuntimeError("a bug of whoever extends the node")

    ended = asyncio.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        address = compact.pack(*silent.getsockname())
        now = asyncio.get_running_loop().time()
        driver.node.query(address, b"ping", {}, broken, now=now - 0.001)  # due first
        driver.node.query(address, b"ping", {}, lambda _: ended.set(), now=now)
        driver.flush()
        async with asyncio.timeout(PATIENCE):
            await ended.wait()
    assert "what was due could not be done" in caplog.text
    assert driver.node.counters.errors == 1
    assert len(caplog.records) == 1


async def test_a_query_is_on_its_way_at_once(driver: UdpDriver) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.bind(("127.0.0.1", 0))
        asked.settimeout(PATIENCE)
        address = compact.pack(*asked.getsockname())
        driver.node.query(address, b"ping", {}, lambda _: None, now=asyncio.get_running_loop().time())
        assert b"4:ping" in asked.recv(1_500)
    assert driver.node.outgoing() == []


async def test_what_has_come_is_read_at_once_though_not_by_what_was_read(driver: UdpDriver) -> None:
    begun: list[int] = []
    ended: list[bytes] = []

    def look_again(query: krpc.Query, address: compact.Address) -> None:
        begun.append(len(ended))
        driver.look()
        ended.append(query.transaction)

    driver.node.extensions.on_query(look_again)
    with Client(driver.address) as client:
        for transaction in (b"one", b"two"):
            client.send(krpc.query(transaction, b"ping", {b"id": b"c" * 20}))
        while len(ended) < 2:  # a machine that is slow to read the one leaves the other for the next time
            driver.look()
    assert (begun, ended) == ([0, 1], [b"one", b"two"])


class Prompt(socket.socket):
    """To the first query that it sends an answer is there at once."""

    def __init__(self, asked: socket.socket, answer: dict[bytes, object]) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
        self.bind(("127.0.0.1", 0))
        self._asked, self._answer = asked, answer
        self.sent: list[tuple[str, int]] = []

    def sendto(self, datagram: bytes, address: tuple[str, int]) -> int:  # type: ignore[override]
        self.sent.append(address)
        if len(self.sent) == 1:
            transaction = bencode.decode(datagram)[b"t"]
            self._asked.sendto(krpc.response(transaction, self._answer, b"me"), self.getsockname())
        return super().sendto(datagram, address)


class Friends:
    """Four nodes: of three a driver knows, the first is closest to KEY but for the fourth."""

    def __init__(self, answer: dict[bytes, object]) -> None:
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
        for sock in self._sockets:
            sock.bind(("127.0.0.1", 0))
        self.addresses = [sock.getsockname() for sock in self._sockets]
        if b"nodes" in answer:
            answer[b"nodes"] = KEY + compact.pack(*self.addresses[3])
        self.sock = Prompt(self._sockets[0], answer)
        now = asyncio.get_running_loop().time()
        self.driver = UdpDriver(make_node([4], now), {4: self.sock})
        for last, address in zip(b"abc", self.addresses, strict=False):
            id_ = KEY[:-1] + bytes([last])
            self.driver.node.tables[4].answered(id_, compact.pack(*address), now, 0.001)

    async def __aenter__(self) -> Friends:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.driver.aclose()
        for sock in self._sockets:
            sock.close()


async def test_the_first_peer_waits_for_no_other_query_than_the_one_that_was_answered() -> None:
    peers = [compact.pack("127.0.0.9", 7009)]
    async with Friends({b"id": KEY[:-1] + b"a", b"values": peers}) as friends:
        found = lookup(friends.driver, set(), KEY)
        assert await anext(found) == KnownHost("127.0.0.9", 7009)
        assert friends.sock.sent == friends.addresses[:1]
        await eventually(lambda: len(friends.sock.sent) == 3, "the others to be asked")
        await found.aclose()


async def test_whom_the_first_answer_names_is_asked_before_those_who_were_farther() -> None:
    async with Friends({b"id": KEY[:-1] + b"a", b"nodes": b""}) as friends:
        node, now = friends.driver.node, asyncio.get_running_loop().time()
        search = node.find_peers(KEY, lambda peers: None, lambda: None, now=now)
        friends.driver.look()
        search.cancel()
        first, second, third, named = friends.addresses
        assert friends.sock.sent == [first, named, second, third]


def give_way(driver: UdpDriver) -> None:
    driver.give_way()
    driver._driving.drained()


@pytest.mark.parametrize("go_on", [give_way, lambda driver: driver.look()])
async def test_nor_does_one_of_what_an_answer_led_to(
    driver: UdpDriver, caplog: pytest.LogCaptureFixture, go_on: Callable[[UdpDriver], None]
) -> None:
    def broken() -> None:
        raise RuntimeError("a bug of whoever extends the node")

    driver.node._client.postponed.append(broken)
    go_on(driver)
    with Client(driver.address) as client:
        assert (await client.ask(b"ping"))[b"y"] == b"r"
    assert "what an answer led to could not be done" in caplog.text
    assert driver.node.counters.errors == 1


class PlainHandle:
    """A timer as uvloop's are where the time has come already: it does not tell when it is due."""

    def __init__(self, handle: asyncio.TimerHandle) -> None:
        self.cancel = handle.cancel


async def test_the_timer_moves_to_an_earlier_deadline_on_any_loop(
    driver: UdpDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    call_at, set_for = loop.call_at, list[float]()

    def plain_call_at(when: float, *arguments: Any) -> PlainHandle:
        set_for.append(when)
        return PlainHandle(call_at(when, *arguments))

    def ask() -> asyncio.Future[object]:
        outcome: asyncio.Future[object] = loop.create_future()
        driver.node.query(address, b"ping", {}, outcome.set_result, now=loop.time())
        driver.flush()
        return outcome

    monkeypatch.setattr(loop, "call_at", plain_call_at)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        address = compact.pack(*silent.getsockname())
        async with asyncio.timeout(PATIENCE):
            assert await ask() is None
            assert await ask() is None
    ours = [when for when in set_for if when < loop.time() + 5]
    assert len(ours) >= 4, "slow and given up, twice"


class Closed(socket.socket):
    """Sends nothing."""

    says = errno.ENOBUFS

    def sendto(self, *args: object) -> int:
        raise OSError(self.says, "told to fail")


@pytest.mark.parametrize("says", [errno.ENOBUFS, errno.EPERM, errno.ENETUNREACH, errno.EAGAIN])
async def test_what_cannot_be_sent_is_counted_as_lost(says: int) -> None:
    sock = Closed(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.says = says
    driver = UdpDriver(make_node([4], asyncio.get_running_loop().time()), {4: sock})
    try:
        with Client(driver.address) as client:
            client.send(krpc.query(b"aa", b"ping", {b"id": b"c" * 20}))
            await eventually(lambda: driver.node.counters.unsent > 0, "a reply that is lost")
        assert driver.node.counters.errors == 0
    finally:
        await driver.aclose()


@pytest.mark.parametrize("loop_factory", LOOPS)
@pytest.mark.parametrize("refusals", [0, 3])
def test_a_network_on_every_loop(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], refusals: int
) -> None:
    """Nodes find one another, also after ICMP errors, which on Windows end asyncio's own endpoint."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        if isinstance(loop, LoopWithoutReaders):
            loop.refusals = refusals
        async with Testnet(12) as testnet:
            assert all(len(node.tables[4]) >= 3 for node in testnet.nodes)
            assert sum(node.counters.refused for node in testnet.nodes) == (
                refusals if isinstance(loop, LoopWithoutReaders) else 0
            )
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is the machine's own on Linux only")
async def test_answers_come_from_the_address_that_was_asked() -> None:
    driver = await UdpDriver.open(make_node, KnownHost("0.0.0.0", 0))
    try:
        for host in ("127.0.0.1", "127.0.0.2"):
            with Client(KnownHost(host, driver.address.port)) as client:
                await client.ask(b"ping")
                assert client.answered_from == (host, driver.address.port)
    finally:
        await driver.aclose()


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is the machine's own on Linux only")
async def test_so_do_those_to_what_is_read_between_the_queries_of_a_lookup() -> None:
    driver = await UdpDriver.open(make_node, KnownHost("0.0.0.0", 0))
    try:
        with contextlib.ExitStack() as stack:
            now = asyncio.get_running_loop().time()
            for id_ in b"abc":
                silent = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                silent.bind(("127.0.0.1", 0))
                address = compact.pack(*silent.getsockname())
                driver.node.tables[4].answered(bytes([id_]) * 20, address, now, 0.001)
            asker = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            asker.connect(("127.0.0.2", driver.address.port))  # hears nobody else
            asker.setblocking(False)
            asker.send(krpc.query(b"aa", b"find_node", {b"id": b"q" * 20, b"target": b"t" * 20}))
            driver.node.find_peers(b"a" * 20, lambda peers: None, lambda: None, now=now)
            driver.look()
            heard: list[bytes] = []

            def hear() -> bool:
                with contextlib.suppress(BlockingIOError):
                    heard.append(asker.recv(2000))
                return any(b"1:t2:aa" in datagram for datagram in heard)

            await eventually(hear, "the answer")
    finally:
        await driver.aclose()


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
    assert driver.node.counters.errors == 0
    assert driver.node.counters.received >= 2000
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
