"""Names on their way to addresses, with a resolver that answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bitboot_core import BootstrapFailed, HostNotFound, KnownHost
from bitboot_core.aio import resolve as module
from bitboot_core.aio.resolve import bootstrap_failure, has_way_out, resolve

NAME = KnownHost("dht.example", 6881)


class Resolver:
    """Stands in for `socket.getaddrinfo`. `answers`: addresses, or an error, by name."""

    def __init__(self) -> None:
        self.answers: dict[str, list[str] | int] = {}
        self.asked: list[str] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, name: str, port: None, **_: object) -> list[Any]:
        self.asked.append(name)
        assert self.may_answer.wait(20)
        answer = self.answers.get(name, socket.EAI_NONAME)
        if isinstance(answer, int):
            raise socket.gaierror(answer, "told to fail")
        return [
            (socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM, 17, "", (host, 0))
            for host in answer
        ]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr(module, "has_way_out", lambda: True)
    yield resolver
    resolver.may_answer.set()


async def test_an_address_is_its_own(resolver: Resolver) -> None:
    for host in ("192.0.2.7", "2001:db8::7", "fe80::1%eth0", "0.0.0.0"):
        assert await resolve(KnownHost(host, 1)) == [KnownHost(host, 1)]
    assert resolver.asked == []


async def test_a_name_has_the_addresses_that_the_resolver_tells(resolver: Resolver) -> None:
    resolver.answers[NAME.host] = ["2001:db8::7", "192.0.2.7", "192.0.2.7"]
    assert await resolve(NAME) == [KnownHost("2001:db8::7", 6881), KnownHost("192.0.2.7", 6881)]
    assert await resolve(NAME, [4]) == [KnownHost("192.0.2.7", 6881)]


async def test_a_peer_id_stays_with_it(resolver: Resolver) -> None:
    resolver.answers[NAME.host] = ["192.0.2.7"]
    (found,) = await resolve(KnownHost(NAME.host, 1, "12D3KooWabc"))
    assert found.peer_id == "12D3KooWabc"


async def test_a_name_that_does_not_exist(resolver: Resolver) -> None:
    with pytest.raises(HostNotFound, match=r"dht\.example does not resolve: told to fail") as caught:
        await resolve(NAME)
    assert "spelling" in caught.value.hint


async def test_where_there_is_no_way_out_no_name_exists(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As macOS and Windows say: that is no reason to give up."""
    monkeypatch.setattr(module, "has_way_out", lambda: False)
    with pytest.raises(BootstrapFailed, match="offline") as caught:
        await resolve(NAME)
    assert not isinstance(caught.value, HostNotFound)


async def test_a_resolver_that_cannot_say(resolver: Resolver) -> None:
    resolver.answers[NAME.host] = socket.EAI_AGAIN
    with pytest.raises(BootstrapFailed, match="at the moment") as caught:
        await resolve(NAME)
    assert not isinstance(caught.value, HostNotFound)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
async def test_a_name_that_is_blocked_says_so(resolver: Resolver, host: str) -> None:
    resolver.answers[NAME.host] = [host]
    with pytest.raises(HostNotFound, match=f"resolves to {host}: your DNS blocks it"):
        await resolve(NAME)
    resolver.answers[NAME.host] = [host, "192.0.2.7"]
    assert await resolve(NAME) == [KnownHost("192.0.2.7", 6881)]


async def test_a_name_without_an_address_of_the_family(resolver: Resolver) -> None:
    resolver.answers[NAME.host] = ["192.0.2.7"]
    with pytest.raises(HostNotFound, match="no IPv6 address"):
        await resolve(NAME, [6])


async def test_a_name_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UnicodeError("label too long")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(HostNotFound, match="not a valid name"):
        await resolve(KnownHost("x.example.org", 1))


# A resolver that hangs


def resolving() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("bitboot-resolve-")]


async def test_a_resolver_that_hangs_is_asked_once_for_a_name(resolver: Resolver) -> None:
    resolver.may_answer.clear()
    for _ in range(10):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                await resolve(NAME)
    waiting = [asyncio.create_task(resolve(KnownHost(NAME.host, port))) for port in (1, 2)]
    await asyncio.sleep(0)
    assert resolving() == ["bitboot-resolve-dht.example"]
    resolver.answers[NAME.host] = ["192.0.2.7"]
    resolver.may_answer.set()
    assert await asyncio.gather(*waiting) == [[KnownHost("192.0.2.7", 1)], [KnownHost("192.0.2.7", 2)]]
    assert resolver.asked == [NAME.host]
    await resolve(NAME)
    assert resolver.asked == [NAME.host] * 2, "an answer is not kept"


def test_a_loop_that_ended_meanwhile_is_not_told(resolver: Resolver) -> None:
    async def leave() -> None:
        task = asyncio.create_task(resolve(NAME))
        await asyncio.sleep(0)
        task.cancel()

    resolver.may_answer.clear()
    asyncio.run(leave())
    resolver.answers[NAME.host] = ["192.0.2.7"]

    async def again() -> None:
        task = asyncio.create_task(resolve(NAME))
        await asyncio.sleep(0)
        resolver.may_answer.set()
        assert await task == [KnownHost("192.0.2.7", 6881)]

    asyncio.run(again())
    assert resolver.asked == [NAME.host]


# All of them


async def failures(resolver: Resolver, *hosts: str, families: tuple[int, ...] = (4, 6)) -> list[HostNotFound]:
    found = []
    for host in hosts:
        with pytest.raises(HostNotFound) as caught:
            await resolve(KnownHost(host, 1), families)
        found.append(caught.value)
    return found


async def test_one_misspelt_contact_is_hopeless(resolver: Resolver) -> None:
    error = bootstrap_failure([], await failures(resolver, "a.example"))
    assert isinstance(error, HostNotFound)
    assert "spelling" in error.hint


async def test_several_that_all_do_not_exist_may_be_our_own_trouble(resolver: Resolver) -> None:
    error = bootstrap_failure([], await failures(resolver, "a.example", "b.example"))
    assert not isinstance(error, HostNotFound)
    assert "offline" in str(error)
    assert "a.example" in str(error)


async def test_several_that_are_blocked_are_hopeless(resolver: Resolver) -> None:
    resolver.answers = {"a.example": ["0.0.0.0"], "b.example": ["0.0.0.0"]}
    error = bootstrap_failure([], await failures(resolver, "a.example", "b.example"))
    assert isinstance(error, HostNotFound)
    assert "your DNS blocks it" in str(error)


async def test_several_of_the_wrong_family_are_hopeless(resolver: Resolver) -> None:
    error = bootstrap_failure([], await failures(resolver, "192.0.2.7", "192.0.2.8", families=(6,)))
    assert isinstance(error, HostNotFound)


@pytest.mark.parametrize("says", [None, OSError(101, "network is unreachable")])
def test_the_way_out_is_asked_for(monkeypatch: pytest.MonkeyPatch, says: OSError | None) -> None:
    class Probe(socket.socket):
        def connect(self, address: Any) -> None:
            assert address[0] in {"192.0.2.1", "2001:db8::1"}
            if says is not None:
                raise says

    monkeypatch.setattr(socket, "socket", Probe)
    assert has_way_out() == (says is None)
