"""A UDP socket on the loop: what comes is read, whatever comes; answers leave from where they were asked."""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bitboot_core import KnownHost
from bitboot_core.aio import _listening as listening
from bitboot_core.aio import udp as module
from bitboot_core.aio._packet_info import PacketInfo
from bitboot_core.aio._zones import MAX_ZONES, Zones
from bitboot_core.aio.udp import DRAIN, DRAIN_SECONDS, Address, UdpSocket, open_socket
from bitboot_core.testing import LoopWithoutReaders

from ...two_links import needs_two_links, run_on_two_links

PATIENCE = 20.0
"""Seconds after which something that should have happened fails the test."""

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "selector": asyncio.SelectorEventLoop,
    "without readers": LoopWithoutReaders,
}
if sys.platform == "win32":
    LOOPS["proactor"] = asyncio.ProactorEventLoop
if importlib.util.find_spec("uvloop") is not None:
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop

IP_RECVERR = 11
"""On Linux: ICMP errors are told to a socket that is not connected too (ip(7))."""

linux = pytest.mark.skipif(
    sys.platform != "linux", reason="all of 127.0.0.0/8 is this machine's on Linux only"
)


class Echo:
    """Answers whatever comes to its socket."""

    def __init__(self, sock: socket.socket, **more: Any) -> None:
        self.received: list[tuple[bytes, Address]] = []
        self.failures: list[OSError] = []
        self.runs = 0
        self.gives_way = False
        self.breaks_on = b"break"
        self._outgoing: list[tuple[bytes, Address]] = []
        self._came = asyncio.Event()
        self.udp = UdpSocket(sock, self._receive, drained=self._drained, failed=self._failed, **more)

    def _receive(self, datagram: bytes, sender: Address) -> bool:
        self.received.append((datagram, sender))
        self._came.set()
        if datagram == self.breaks_on:
            raise RuntimeError("a bug")
        self._outgoing.append((datagram, sender))
        return self.gives_way

    def _drained(self) -> None:
        self.runs += 1
        outgoing, self._outgoing = self._outgoing, []
        for datagram, address in outgoing:
            try:
                self.udp.send(datagram, address)
            except ConnectionRefusedError as error:
                self._failed(error)

    def _failed(self, error: OSError) -> None:
        self.failures.append(error)
        self._came.set()

    async def opened_again(self, former: socket.socket) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.udp._sock is former:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.001)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._came.clear()
                await self._came.wait()


@asynccontextmanager
async def echo(host: str = "127.0.0.1", **more: Any) -> AsyncIterator[Echo]:
    one = Echo(open_socket(6 if ":" in host else 4, host, 0), **more)
    try:
        yield one
    finally:
        await one.udp.aclose()


def client(host: str = "127.0.0.1") -> socket.socket:
    sock = open_socket(6 if ":" in host else 4, host, 0)
    sock.setblocking(True)
    sock.settimeout(PATIENCE)
    return sock


async def ask(sock: socket.socket, to: tuple[Any, ...], datagram: bytes = b"hello") -> tuple[bytes, Any]:
    sock.sendto(datagram, to)
    answer: tuple[bytes, Any] = await asyncio.to_thread(sock.recvfrom, 2048)
    return answer


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Runs a coroutine on each kind of loop; nothing may be left, and nothing be reported."""

    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:

            async def checked() -> None:
                complaints: list[Any] = []
                asyncio.get_running_loop().set_exception_handler(
                    lambda _, context: complaints.append(context)
                )
                await main
                assert asyncio.all_tasks() == {asyncio.current_task()}
                assert complaints == []

            runner.run(checked())

    return run


Run = Callable[[Coroutine[Any, Any, None]], None]


# On every loop


def test_what_comes_is_answered(run: Run) -> None:
    async def main() -> None:
        async with echo() as one:
            with client() as sock:
                to = (one.udp.address.host, one.udp.address.port)
                assert await ask(sock, to) == (b"hello", to)
                assert one.received == [(b"hello", sock.getsockname())]

    run(main())


def test_all_that_waits_is_read_in_one_run(run: Run) -> None:
    async def main() -> None:
        async with echo() as one:
            with client() as sock:
                to = (one.udp.address.host, one.udp.address.port)
                for number in range(100):
                    sock.sendto(bytes([number]), to)
                await one.until(lambda: len(one.received) == 100)
                assert [datagram[0] for datagram, _ in one.received] == list(range(100))
        # The fallback for loops without readers begins to read while more are sent.
        most = 50 if isinstance(asyncio.get_running_loop(), LoopWithoutReaders) else 3
        assert one.runs <= most

    run(main())


def test_what_has_come_is_read_at_once_by_whoever_looks(run: Run) -> None:
    async def main() -> None:
        async with echo() as one:
            with client() as sock:
                sock.sendto(b"hello", (one.udp.address.host, one.udp.address.port))
                one.udp.look()
                assert one.received == [(b"hello", sock.getsockname())]
                one.udp.look()
        one.udp.look()  # closed, it has nothing to read
        assert len(one.received) == 1

    run(main())


def test_whoever_gives_way_lets_others_run_after_each(run: Run) -> None:
    async def main() -> None:
        async with echo() as one:
            one.gives_way = True
            seen: list[int] = []
            with client() as sock:
                for number in range(5):
                    sock.sendto(bytes([number]), (one.udp.address.host, one.udp.address.port))
                while len(one.received) < 5:
                    seen.append(len(one.received))
                    await asyncio.sleep(0)
            assert {1, 2, 3, 4} <= set(seen)

    run(main())


def test_closing_frees_the_port_and_may_be_repeated(run: Run) -> None:
    async def main() -> None:
        async with echo() as one:
            await asyncio.sleep(0)
            await one.udp.aclose()
            await one.udp.aclose()
            open_socket(4, "127.0.0.1", one.udp.address.port).close()
            with pytest.raises(OSError, match=r"Bad file|closed|not a socket"):
                one.udp.send(b"too late", ("127.0.0.1", 9))

    run(main())


def test_closing_before_the_first_turn_of_the_loop(run: Run) -> None:
    async def main() -> None:
        one = Echo(open_socket(4, "127.0.0.1", 0))
        one.udp.close()
        await one.udp.aclose()
        open_socket(4, "127.0.0.1", one.udp.address.port).close()

    run(main())


@linux
@pytest.mark.parametrize("own", [True, False], ids=["told by the kernel", "a socket for each address"])
def test_answers_leave_from_the_address_that_was_asked(
    run: Run, own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listening everywhere, asked by one and the same at once at several addresses."""
    hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
    sock = open_socket(4, "0.0.0.0", 0, share=True)
    monkeypatch.setattr(listening, "own_addresses", lambda _: [*hosts, "198.51.100.7"])
    if not own:
        monkeypatch.setattr(PacketInfo, "enable", lambda _: None)

    async def main() -> None:
        one = Echo(sock)
        port = one.udp.address.port
        try:
            if one.udp._packet_info is None:
                async with asyncio.timeout(PATIENCE):
                    while len(one.udp._others) < len(hosts):  # noqa: ASYNC110 - nobody else waits for them
                        await asyncio.sleep(0.001)
            with client("0.0.0.0") as asker:
                for host in hosts:
                    asker.sendto(host.encode(), (host, port))
                for _ in hosts:
                    answer, (host, _) = await asyncio.to_thread(asker.recvfrom, 2048)
                    assert answer == host.encode()
        finally:
            await one.udp.aclose()

    run(main())


@linux
def test_real_icmp_errors_stop_nothing(run: Run) -> None:
    """A storm: the kernel tells of ports where nobody listens, in reading and in sending."""
    sock = open_socket(4, "127.0.0.1", 0)
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    with client() as gone:
        nobody = gone.getsockname()

    async def main() -> None:
        one = Echo(sock)
        refused = 0
        try:
            for _ in range(10_000):
                try:
                    one.udp.send(b"anybody?", nobody)
                except ConnectionRefusedError:
                    refused += 1
                await asyncio.sleep(0)
            await one.until(lambda: len(one.failures) + refused >= 100)
            with client() as asker:
                to = (one.udp.address.host, one.udp.address.port)
                asker.sendto(b"first", to)  # whose answer may be told of an error instead of sent
                await one.until(lambda: bool(one.received))
                answer, _ = await ask(asker, to)
                assert answer in {b"first", b"hello"}
            assert one.udp._sock is sock, "what others refuse does not make it dead"
        finally:
            await one.udp.aclose()

    run(main())


async def test_an_exception_is_reported_and_the_next_datagram_read() -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    async with echo() as one:
        with client() as sock:
            to = (one.udp.address.host, one.udp.address.port)
            sock.sendto(one.breaks_on, to)
            assert await ask(sock, to) == (b"hello", to)
    assert [context["exception"].args for context in complaints] == [("a bug",)]


def test_the_same_on_a_loop_without_readers() -> None:
    with asyncio.Runner(loop_factory=LoopWithoutReaders) as runner:
        runner.run(test_an_exception_is_reported_and_the_next_datagram_read())


def test_a_flood_lets_others_run(run: Run) -> None:
    async def main() -> None:
        async with echo() as one:
            seen = [0]
            with client() as sock:
                for _ in range(3 * DRAIN):
                    sock.sendto(b"x", (one.udp.address.host, one.udp.address.port))
                while seen[-1] < 3 * DRAIN:
                    await asyncio.sleep(0)
                    seen.append(len(one.received))
            assert max(after - before for before, after in pairwise(seen)) <= DRAIN + 1

    run(main())


class TooLong(socket.socket):
    """As on Windows, where a datagram that is longer than asked for is an error."""

    def recvfrom(self, size: int, *more: int) -> Any:
        datagram, sender = super().recvfrom(size, *more)
        if len(datagram) > 100:
            raise OSError(errno.EMSGSIZE, "message too long")
        return datagram, sender


async def test_long_datagrams_of_strangers_do_not_make_a_socket_dead() -> None:
    sock = TooLong(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    one = Echo(sock)
    try:
        with client() as asker:
            to = (one.udp.address.host, one.udp.address.port)
            for _ in range(2 * module.DEAD_AFTER):
                asker.sendto(bytes(200), to)
            assert await ask(asker, to) == (b"hello", to)
        assert len(one.failures) == 2 * module.DEAD_AFTER
        assert one.udp._sock is sock
    finally:
        await one.udp.aclose()


async def test_one_turn_takes_no_more_than_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever strangers send, and however long that takes to read: others get their turn."""
    seconds = 0.0
    monkeypatch.setattr(module, "monotonic", lambda: seconds)
    async with echo() as one:
        receive, turns = one.udp._receive, 0

        def slow(datagram: bytes, sender: Address) -> bool | None:
            nonlocal seconds
            seconds += DRAIN_SECONDS / 3
            return receive(datagram, sender)

        one.udp._receive = slow
        with client() as sock:
            for _ in range(12):
                sock.sendto(b"x", (one.udp.address.host, one.udp.address.port))
            while len(one.received) < 12:
                before = len(one.received)
                await one.until(lambda before=before: len(one.received) > before)  # type: ignore[misc]
                assert len(one.received) <= before + 3
                turns += 1
    assert turns >= 4


# Windows' loop


def on_windows(main: Callable[[LoopWithoutReaders], Coroutine[Any, Any, None]]) -> None:
    with asyncio.Runner(loop_factory=LoopWithoutReaders) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, LoopWithoutReaders)
        runner.run(main(loop))


@pytest.mark.parametrize("refusals", [1, 2, 50])
def test_port_unreachable_does_not_end_the_reading(refusals: int) -> None:
    async def main(loop: LoopWithoutReaders) -> None:
        loop.refusals = refusals
        async with echo() as one:
            with client() as sock:
                await ask(sock, (one.udp.address.host, one.udp.address.port))
            assert len(one.failures) == refusals

    on_windows(main)


def test_a_dead_socket_is_opened_again_on_the_same_port() -> None:
    async def main(loop: LoopWithoutReaders) -> None:
        async with echo() as one:
            first = one.udp._sock
            with client() as sock:
                to = (one.udp.address.host, one.udp.address.port)
                await ask(sock, to)
                loop.dead.add(first)
                one.udp.send(b"wake up", to)  # the read under way ends well, the next ones fail
                await one.until(lambda: len(one.failures) >= module.DEAD_AFTER)
                await one.opened_again(first)
                assert await ask(sock, to) == (b"hello", to)
            assert first.fileno() < 0
            assert one.udp.address.port == to[1]

    on_windows(main)


def test_what_cannot_be_opened_again_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REOPEN_EVERY", 0.001)

    async def main(loop: LoopWithoutReaders) -> None:
        tries = 0

        def reopen() -> socket.socket:
            nonlocal tries
            tries += 1
            if tries < 4:
                raise OSError(errno.EADDRINUSE, "address already in use")
            return open_socket(4, "127.0.0.1", one.udp.address.port)

        sock = open_socket(4, "127.0.0.1", 0)
        loop.dead.add(sock)
        one = Echo(sock, reopen=reopen)
        try:
            await one.until(lambda: len(one.failures) == module.DEAD_AFTER + 3)
            await one.opened_again(sock)
            with client() as asker:
                await ask(asker, (one.udp.address.host, one.udp.address.port))
            assert tries == 4
        finally:
            await one.udp.aclose()

    on_windows(main)


def test_closing_while_it_waits_to_be_opened_again() -> None:
    async def main(loop: LoopWithoutReaders) -> None:
        def reopen() -> socket.socket:
            raise OSError(errno.EADDRINUSE, "address already in use")

        sock = open_socket(4, "127.0.0.1", 0)
        loop.dead.add(sock)
        one = Echo(sock, reopen=reopen)
        await one.until(lambda: len(one.failures) > module.DEAD_AFTER)
        await one.udp.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    on_windows(main)


class Dying(socket.socket):
    """All reads fail once it is told to."""

    is_dead = False

    def recvfrom(self, *args: Any) -> Any:
        if self.is_dead:
            raise OSError(errno.ENOTCONN, "socket is not connected")
        return super().recvfrom(*args)


async def test_a_dead_socket_is_opened_again_where_there_are_readers_too() -> None:
    """As after a suspend on iOS: the socket is readable at once and for ever, and every read fails."""
    sock = Dying(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    one = Echo(sock)
    try:
        with client() as asker:
            to = (one.udp.address.host, one.udp.address.port)
            await ask(asker, to)
            sock.is_dead = True
            asker.sendto(b"lost", to)
            await one.until(lambda: len(one.failures) >= module.DEAD_AFTER)
            await one.opened_again(sock)
            assert await ask(asker, to) == (b"hello", to)
    finally:
        await one.udp.aclose()


# Sending


class Full(socket.socket):
    """Sends nothing."""

    says = errno.ENOBUFS

    def sendto(self, *args: Any) -> Any:
        raise OSError(self.says, "told to fail")


@pytest.mark.parametrize("says", [errno.ENOBUFS, errno.EPERM, errno.ENETUNREACH, errno.EAGAIN])
async def test_what_cannot_be_sent_is_told_to_the_sender(says: int) -> None:
    sock = Full(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.says = says
    udp = UdpSocket(sock, lambda *_: None)
    with pytest.raises(OSError, match="told to fail") as caught:
        udp.send(b"x", ("127.0.0.1", 9))
    assert caught.value.errno == says
    await udp.aclose()


# Zones


def test_zones_are_kept_for_so_many_neighbours() -> None:
    zones = Zones(0)
    assert zones.take(("fe80::1%7", 1, 0, 7)) == ("fe80::1", 1)
    assert zones.target(("fe80::1", 1)) == ("fe80::1", 1, 0, 7)
    for number in range(MAX_ZONES):
        zones.remember(KnownHost("fe80::2%3", number))
    assert zones.known_host(("fe80::1", 1)) == KnownHost("fe80::1", 1), "it is forgotten"
    assert zones.target(("fe80::2", MAX_ZONES - 1)) == ("fe80::2", MAX_ZONES - 1, 0, 3)
    assert len(zones._known) == MAX_ZONES
    assert zones.target(("fe80::9", 9))[-1] == 3, "a stranger is looked for where the last neighbour was"
    assert zones.target(("2001:db8::1", 9)) == ("2001:db8::1", 9)


# Several addresses and links, in a network namespace of its own


@needs_two_links
def test_several_addresses_and_links_of_ipv6() -> None:
    printed = run_on_two_links(Path(__file__).with_name("links.py"))
    assert printed.split() == ["addresses", "links", "listening"]
