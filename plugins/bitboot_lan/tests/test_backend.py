"""The backend on real sockets, in a private group on loopback; what goes wrong is injected."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Sequence

import pytest
from bitboot_lan.backend import LanBackend
from bitboot_lan.interfaces import Address
from bitboot_lan.multicast import open_listener
from bitboot_lan.settings import Settings
from bitboot_lan.system import System

from bitboot_core import (
    AnnounceFailed,
    BackendConfig,
    BackendError,
    BackendTimeout,
    KnownHost,
    ListenFailed,
    UnsupportedOperation,
)
from bitboot_core.testing.loops import LoopWithoutReaders

from .group import LOOPBACK, found, member, private

KEY = b"\x07" * 20
ANYWHERE = BackendConfig(network="lan", protocol="bep14")
ONE, TWO = Address(1, "127.0.0.1", 8, "lo"), Address(1, "127.0.0.2", 8, "lo:2")
MINE = KnownHost("", 7001)


def uvloop_loop() -> asyncio.AbstractEventLoop:
    uvloop = pytest.importorskip("uvloop")
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class Machine:
    """A machine whose addresses, memberships and sends are what a test says."""

    def __init__(self, *addresses: Address) -> None:
        self.addresses: Sequence[Address] = addresses
        self.no_listening: dict[str, int] = {}
        """Addresses whose interface cannot join the group, and why."""
        self.no_sending: dict[str, int] = {}
        self.sent: list[str] = []
        self.joined: list[str] = []

    def system(self) -> System:
        return System(lambda: self.addresses, self.listen, self.send)

    def listen(self, address: Address, group: str, port: int) -> socket.socket:
        _fail(self.no_listening.get(address.host))
        self.joined.append(address.host)
        return open_listener(address, group, port)

    def send(self, sock: socket.socket, datagram: bytes, target: tuple[str, int]) -> None:
        host = sock.getsockname()[0]
        _fail(self.no_sending.get(host))
        self.sent.append(host)
        sock.sendto(datagram, target)


def _fail(number: int | None) -> None:
    if number is not None:
        raise OSError(number, errno.errorcode[number])


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a state that nothing tells of."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def start(machine: Machine, settings: Settings, now: Callable[[], float] | None = None) -> LanBackend:
    backend = LanBackend(ANYWHERE, settings, now, machine.system())
    await backend.start()
    return backend


# Addresses


async def test_all_addresses_of_a_machine_are_announced() -> None:
    settings = private()
    backend = await start(Machine(ONE, TWO), settings)
    try:
        async with member(settings) as other:
            await backend.announce(KEY, MINE, lifetime=600)
            both = {KnownHost("127.0.0.1", 7001), KnownHost("127.0.0.2", 7001)}
            assert set(await found(other, KEY)) == both
            assert set(await found(backend, KEY)) == both, "our own are found too"
    finally:
        await backend.aclose()


async def test_one_address_alone_may_be_announced() -> None:
    settings = private()
    backend = await start(Machine(ONE, TWO), settings)
    try:
        async with member(settings) as other:
            await backend.announce(KEY, KnownHost("127.0.0.2", 7001), lifetime=600)
            assert await found(other, KEY) == [KnownHost("127.0.0.2", 7001)]
            with pytest.raises(UnsupportedOperation):
                await backend.announce(KEY, KnownHost("127.0.0.3", 7001), lifetime=600)
    finally:
        await backend.aclose()


async def test_an_interface_that_comes_is_announced_on_and_one_that_goes_is_not() -> None:
    settings = private(look_every=0.01)
    machine = Machine(ONE)
    backend = await start(machine, settings)
    moved = asyncio.Event()
    backend.on_moved(moved.set)
    try:
        async with member(settings) as other:
            await backend.announce(KEY, MINE, lifetime=600)
            machine.addresses = [TWO]
            await moved.wait()
            assert backend.seen_at == ["127.0.0.2"]
            # A membership may go with its address. (A busy machine may have been taken for one that slept.)
            assert machine.joined[-1] == "127.0.0.2"
            async for peer in other.lookup(KEY):
                if peer == KnownHost("127.0.0.2", 7001):
                    break
            else:
                pytest.fail("the new address was not announced")
            machine.sent.clear()
            await found(backend, KEY)
            assert set(machine.sent) == {"127.0.0.2"}
    finally:
        await backend.aclose()


async def test_a_machine_whose_network_comes_later_starts_without() -> None:
    settings = private(look_every=0.01)
    machine = Machine()
    backend = await start(machine, settings)
    try:
        with pytest.raises(AnnounceFailed, match="no interface has an address with neighbours"):
            await backend.announce(KEY, MINE, lifetime=600)
        with pytest.raises(BackendError, match="no interface"):
            await found(backend, KEY)
        machine.addresses = [ONE]
        await until(lambda: bool(backend.seen_at))
        await backend.announce(KEY, MINE, lifetime=600)
    finally:
        await backend.aclose()


async def test_no_ipv6_is_told_where_it_is_asked_for() -> None:
    backend = await start(Machine(ONE), private())
    try:
        with pytest.raises(AnnounceFailed, match="IPv6"):
            await backend.announce(KEY, KnownHost("::", 7001), lifetime=600)
    finally:
        await backend.aclose()


async def test_what_is_announced_while_a_lookup_is_under_way_is_found() -> None:
    async with member(private()) as backend:
        stream = backend.lookup(KEY)
        reading = asyncio.ensure_future(anext(aiter(stream)))
        await asyncio.sleep(0)
        await backend.announce(KEY, MINE, lifetime=600)
        assert await reading == KnownHost("127.0.0.1", 7001)
        await stream.aclose()


# What goes wrong


async def test_an_interface_without_multicast_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    settings = private()
    machine = Machine(Address(9, "127.0.0.2", 8, "tun0"), ONE)
    machine.no_listening["127.0.0.2"] = errno.ENODEV
    machine.no_sending["127.0.0.2"] = errno.ENETUNREACH
    backend = await start(machine, settings)
    try:
        async with member(settings) as other:
            await backend.announce(KEY, MINE, lifetime=600)
            assert await found(other, KEY) == [KnownHost("127.0.0.1", 7001)]
            await found(backend, KEY)
    finally:
        await backend.aclose()
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 2, "one that it cannot join, one that it cannot send: each once"
    assert all("tun0 (127.0.0.2)" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("number", "hint"),
    [
        (errno.EHOSTUNREACH, "interface is connected"),
        (errno.ENETUNREACH, "on a network"),
        (errno.EPERM, "firewall"),
        (errno.EACCES, "firewall"),
        (errno.ENOBUFS, "memberships"),
    ],
)
async def test_what_cannot_be_sent_is_said_once_in_the_log_and_in_every_error(
    caplog: pytest.LogCaptureFixture, number: int, hint: str
) -> None:
    machine = Machine(ONE)
    machine.no_sending["127.0.0.1"] = number
    backend = await start(machine, private(retry=0.01))
    try:
        for _ in range(3):
            with pytest.raises(AnnounceFailed, match=errno.errorcode[number]) as failed:
                await backend.announce(KEY, MINE, lifetime=600)
            assert hint in failed.value.hint
            with pytest.raises(BackendError, match=r"lo \(127\.0\.0\.1\)"):
                await found(backend, KEY)
        assert backend.stats()["unsent"] >= 6
        assert backend.stats()["announced"] == 0
        assert len([one for one in caplog.records if one.levelno >= logging.WARNING]) == 1
        # One failed send never silences it.
        machine.no_sending.clear()
        await backend.announce(KEY, MINE, lifetime=600)
        assert await found(backend, KEY) == [KnownHost("127.0.0.1", 7001)]
    finally:
        await backend.aclose()


async def test_macos_without_its_permission_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    machine = Machine(ONE)
    machine.no_sending["127.0.0.1"] = errno.EHOSTUNREACH
    backend = await start(machine, private())
    try:
        with pytest.raises(AnnounceFailed) as failed:
            await backend.announce(KEY, MINE, lifetime=600)
        assert "Local Network" in failed.value.hint
    finally:
        await backend.aclose()


async def test_what_is_announced_goes_on_where_sending_fails_for_a_while() -> None:
    settings = private(retry=0.01, period=0.05, pace=0.01)
    machine = Machine(ONE)
    backend = await start(machine, settings)
    try:
        async with member(settings) as other:
            await backend.announce(KEY, MINE, lifetime=600)
            machine.no_sending["127.0.0.1"] = errno.EHOSTUNREACH
            await until(lambda: backend.stats()["unsent"] > 3)
            machine.no_sending.clear()
            assert await found(other, KEY) == [KnownHost("127.0.0.1", 7001)]
    finally:
        await backend.aclose()


async def test_too_many_memberships_are_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """ENOBUFS: the system's limit; another program may leave a group."""
    machine = Machine(ONE)
    machine.no_listening["127.0.0.1"] = errno.ENOBUFS
    backend = await start(machine, private(look_every=0.01))
    try:
        with pytest.raises(BackendTimeout, match="not even this program's own question"):
            await found(backend, KEY)
        assert "igmp_max_memberships" in caplog.text
        machine.no_listening.clear()
        await until(lambda: bool(machine.joined))
        assert await found(backend, KEY) == []
    finally:
        await backend.aclose()


async def test_after_a_sleep_the_group_is_joined_again_and_all_is_announced() -> None:
    ahead = 0.0
    loop = asyncio.get_running_loop()
    machine = Machine(ONE)
    backend = await start(machine, private(look_every=0.3), lambda: loop.time() + ahead)
    try:
        await backend.announce(KEY, MINE, lifetime=1_800)
        await until(lambda: len(machine.sent) >= 2)  # the question, and the announcement
        joined, sent = len(machine.joined), len(machine.sent)
        ahead = 900.0
        await until(lambda: len(machine.joined) > joined and len(machine.sent) > sent)
        assert await found(backend, KEY) == [KnownHost("127.0.0.1", 7001)]
    finally:
        await backend.aclose()


async def test_addresses_that_cannot_be_listed_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine(ONE)
    fails, looks = False, 0

    def look() -> Sequence[Address]:
        nonlocal looks
        looks += 1
        if fails:
            raise OSError("no")
        return machine.addresses

    backend = LanBackend(ANYWHERE, private(look_every=0.01), None, System(look, machine.listen, machine.send))
    await backend.start()
    try:
        fails = True
        before = looks
        await until(lambda: looks > before + 3)
        assert caplog.text.count("cannot be listed") == 1
        await backend.announce(KEY, MINE, lifetime=600)
    finally:
        await backend.aclose()


async def test_a_look_that_fails_in_an_unforeseen_way_is_not_the_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine, mistakes = Machine(ONE), 2

    def look() -> Sequence[Address]:
        nonlocal mistakes
        if len(machine.joined) and mistakes:
            mistakes -= 1
            raise ValueError("a mistake")
        return machine.addresses

    system = System(look, machine.listen, machine.send)
    backend = LanBackend(ANYWHERE, private(look_every=0.01), None, system)
    await backend.start()
    try:
        machine.addresses = [TWO]
        await until(lambda: backend.seen_at == ["127.0.0.2"])
        assert "is tried again" in caplog.text
    finally:
        await backend.aclose()


# The port


async def test_a_port_that_somebody_has_for_itself_is_an_error() -> None:
    settings = private()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", settings.port))
        backend = LanBackend(LOOPBACK, settings)
        with pytest.raises(ListenFailed, match=str(settings.port)):
            await backend.start()
        await backend.aclose()


async def test_another_port_than_the_group_s_is_refused() -> None:
    backend = LanBackend(
        BackendConfig(network="lan", protocol="bep14", listen=KnownHost("127.0.0.1", 6881)), private()
    )
    with pytest.raises(ListenFailed, match="6881"):
        await backend.start()


async def test_an_address_that_is_not_ours_is_refused() -> None:
    backend = LanBackend(
        BackendConfig(network="lan", protocol="bep14", listen=KnownHost("192.0.2.77", 0)), private()
    )
    with pytest.raises(ListenFailed, match=r"192\.0\.2\.77"):
        await backend.start()
    await backend.aclose()


async def test_a_closed_node_is_not_found_any_more() -> None:
    settings = private()
    async with member(settings) as other:
        async with member(settings) as one:
            await one.announce(KEY, MINE, lifetime=600)
            assert await found(other, KEY) == [KnownHost("127.0.0.1", 7001)]
        assert await found(other, KEY) == []


@pytest.mark.once
@pytest.mark.parametrize("make_loop", [LoopWithoutReaders, uvloop_loop], ids=["windows", "uvloop"])
def test_it_runs_on_other_event_loops(make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def main() -> None:
        settings = private()
        async with member(settings) as one, member(settings) as other:
            await one.announce(KEY, MINE, lifetime=600)
            assert await found(other, KEY) == [KnownHost("127.0.0.1", 7001)]
            await one.withdraw(KEY, MINE)
            await until(lambda: other.stats()["stored_peers"] == 0)

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(main())
