"""Binding: what was asked for, or an error."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from bitboot_core import KnownHost, ListenFailed
from bitboot_core.aio import _listening as listening
from bitboot_core.aio.udp import bind, is_own_address, open_socket


@contextmanager
def closing(sockets: dict[int, socket.socket]) -> Iterator[dict[int, socket.socket]]:
    try:
        yield sockets
    finally:
        for sock in sockets.values():
            sock.close()


@pytest.fixture
def ipv6() -> None:
    if not is_own_address("::1"):
        pytest.skip("this machine has no IPv6 loopback")


class Machine:
    """Stands in for `open_socket`: a machine on which opening fails as told."""

    def __init__(self, stack: ExitStack) -> None:
        self.failing: dict[int, list[int]] = {}
        """By family, the errors of the next calls."""
        self.opened: list[socket.socket] = []
        self._stack = stack

    def open(self, family: int, host: str, port: int) -> socket.socket:
        errors = self.failing.get(family, [])
        if errors:
            raise OSError(errors.pop(0), "told to fail")
        sock = open_socket(4, "127.0.0.1", 0 if family == 6 else port)
        self.opened.append(self._stack.enter_context(sock))
        return sock


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    with ExitStack() as stack:
        machine = Machine(stack)
        monkeypatch.setattr(listening, "open_socket", machine.open)
        yield machine


async def test_no_host_means_one_port_in_every_family(ipv6: None) -> None:
    with closing(await bind(None)) as sockets:
        assert set(sockets) == {4, 6}
        assert len({sock.getsockname()[1] for sock in sockets.values()}) == 1
        assert not any(sock.getblocking() for sock in sockets.values())


@pytest.mark.parametrize("taken", [4, 6])
async def test_a_port_that_one_family_cannot_have_is_no_half_success(taken: int, ipv6: None) -> None:
    with open_socket(taken, {4: "0.0.0.0", 6: "::"}[taken], 0) as other:
        port = other.getsockname()[1]
        with pytest.raises(ListenFailed, match=str(port)) as caught:
            await bind(KnownHost("", port))
        assert "another program" in caught.value.hint
        with open_socket(10 - taken, {6: "0.0.0.0", 4: "::"}[taken], port):
            pass  # the other family's was let go


async def test_a_free_port_is_free_in_both_families(machine: Machine) -> None:
    machine.failing[6] = [errno.EADDRINUSE, errno.EACCES, errno.EADDRINUSE]
    sockets = await bind(KnownHost("", 0))
    assert set(sockets) == {4, 6}
    left_open = [sock for sock in machine.opened if sock.fileno() >= 0]
    assert left_open == list(sockets.values())


async def test_there_is_an_end_to_looking_for_one(machine: Machine) -> None:
    machine.failing[6] = [errno.EADDRINUSE] * 1000
    with pytest.raises(ListenFailed):
        await bind(None)
    assert all(sock.fileno() < 0 for sock in machine.opened)
    assert len(machine.opened) == listening.SAME_PORT_TRIES


@pytest.mark.parametrize("lacking", [4, 6])
@pytest.mark.parametrize("says", [errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL])
async def test_a_family_that_the_machine_lacks_is_gone_without(
    machine: Machine, lacking: int, says: int
) -> None:
    machine.failing[lacking] = [says]
    assert set(await bind(KnownHost("", 0))) == {4, 6} - {lacking}


async def test_what_else_goes_wrong_in_one_family_is_an_error(machine: Machine) -> None:
    machine.failing[6] = [errno.EACCES]
    with pytest.raises(ListenFailed) as caught:
        await bind(KnownHost("", 80))
    assert "rights" in caught.value.hint
    assert all(sock.fileno() < 0 for sock in machine.opened)


async def test_a_machine_without_any_family_is_told_so(machine: Machine) -> None:
    machine.failing = {4: [errno.EAFNOSUPPORT], 6: [errno.EAFNOSUPPORT]}
    with pytest.raises(ListenFailed):
        await bind(None)


async def test_an_address_of_somebody_else_is_refused() -> None:
    with pytest.raises(ListenFailed) as caught:
        await bind(KnownHost("198.51.100.7", 0))
    assert "not an address of this machine" in caught.value.hint


async def test_a_name_that_does_not_resolve_cannot_be_listened_on() -> None:
    with pytest.raises(ListenFailed, match=r"nowhere\.invalid"):
        await bind(KnownHost("nowhere.invalid", 0))


async def test_a_zone_that_is_not_there_is_refused(ipv6: None) -> None:
    with pytest.raises(ListenFailed, match="fe80::1%nowhere"):
        await bind(KnownHost("fe80::1%nowhere", 0))


async def test_the_kernel_is_asked_for_room_for_bursts() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ordinary,
        open_socket(4, "127.0.0.1", 0) as ours,
    ):
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            usual, granted = (sock.getsockopt(socket.SOL_SOCKET, option) for sock in (ordinary, ours))
            assert granted > usual


class Stingy(socket.socket):
    """Refuses buffers of more than 600,000 bytes, as macOS does, and grants all below."""

    granted = 200_000

    def getsockopt(self, *args: int) -> int:  # type: ignore[override]
        return self.granted

    def setsockopt(self, level: int, option: int, value: int) -> None:  # type: ignore[override]
        if value > 600_000:
            raise OSError(errno.ENOBUFS, "no buffer space available")
        self.granted = value


def test_where_it_grants_less_that_is_taken() -> None:
    with Stingy(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        listening._ask_for(sock, socket.SO_RCVBUF, 1 << 22)
        assert sock.granted == 1 << 19


def test_own_addresses_are_known() -> None:
    assert is_own_address("127.0.0.1")
    assert not is_own_address("198.51.100.7")
    assert not is_own_address("router.example.org")
