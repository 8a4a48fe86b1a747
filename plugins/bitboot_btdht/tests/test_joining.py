"""The backend before it is in touch: bootstraps with slow names among the contacts, and early lookups."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable

import pytest
from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.settings import Settings
from bitboot_btdht.testnet import Testnet

from bitboot_core import BackendTimeout, BitBoot, BootstrapFailed, HostNotFound, KnownHost, NotRunning
from bitboot_core.aio import resolve

from .conftest import eventually
from .test_backend import config, running

KEY = hashlib.sha1(b"a swarm").digest()
NAME = KnownHost("a.invalid", 6881)
GONE = KnownHost("127.0.0.1", 9)


@pytest.fixture
async def testnet() -> AsyncIterator[Testnet]:
    async with Testnet(12) as testnet:
        yield testnet


class Resolver:
    """Names take until `answer` is done, and are then where it says."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer: asyncio.Future[list[KnownHost]] = asyncio.get_running_loop().create_future()

    async def resolve(self, host: KnownHost, families: Iterable[int] = (4, 6)) -> list[KnownHost]:
        if host.family is not None:
            return await resolve.resolve(host, families)
        self.asked.set()
        return list(await asyncio.shield(self.answer))


@pytest.fixture
async def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    resolver = Resolver()
    monkeypatch.setattr("bitboot_btdht.resolving.resolve", resolver.resolve)
    return resolver


async def early(backend: MainlineBackend, *contacts: KnownHost) -> set[int]:
    return {peer.port async for peer in backend.lookup_through(KEY, contacts)}


async def test_a_name_that_does_not_resolve_yet_holds_no_address_up(
    testnet: Testnet, resolver: Resolver
) -> None:
    async with running() as here:
        joining = asyncio.ensure_future(here.bootstrap([NAME, *testnet.bootstrap]))
        await resolver.asked.wait()
        assert await joining == 3
        assert not resolver.answer.done()


async def test_a_name_is_asked_where_no_address_answers(testnet: Testnet, resolver: Resolver) -> None:
    async with running() as here:
        resolver.answer.set_result(list(testnet.bootstrap[:1]))
        assert await here.bootstrap([GONE, NAME]) == 1


async def test_where_neither_answers_both_are_told_of(resolver: Resolver) -> None:
    here = MainlineBackend(config(), Settings(timeout_ceiling=0.1, timeout_floor=0.05).relaxed())
    await here.start()
    try:
        resolver.answer.set_exception(HostNotFound("no such name"))
        with pytest.raises(BootstrapFailed, match=r"127\.0\.0\.1:9, a\.invalid:6881"):
            await here.bootstrap([GONE, NAME])
    finally:
        await here.aclose()


async def test_cancelled_it_leaves_nothing(resolver: Resolver) -> None:
    async with running() as here:
        before = asyncio.all_tasks()
        joining = asyncio.ensure_future(here.bootstrap([NAME, GONE]))
        await resolver.asked.wait()
        joining.cancel()
        with pytest.raises(asyncio.CancelledError):
            await joining
        assert asyncio.all_tasks() == before
        assert not here._waiters


async def test_a_node_that_knows_nobody_finds_peers_through_contacts(testnet: Testnet) -> None:
    async with running() as there, running() as here:
        await there.bootstrap(testnet.bootstrap)
        await there.announce(KEY, KnownHost("", 7000), lifetime=900)
        assert await early(here, GONE, *testnet.bootstrap) == {7000}
        assert here.contacts()


async def test_names_are_resolved_where_no_contact_is_an_address(
    testnet: Testnet, resolver: Resolver
) -> None:
    async with running() as there, running() as here, running() as third:
        await there.bootstrap(testnet.bootstrap)
        await there.announce(KEY, KnownHost("", 7000), lifetime=900)
        assert await early(here, NAME, *testnet.bootstrap) == {7000}
        assert not resolver.asked.is_set()
        resolver.answer.set_result(list(testnet.bootstrap))
        assert await early(third, NAME) == {7000}


async def test_where_nobody_answers_it_fails_and_does_not_end_empty(resolver: Resolver) -> None:
    async with running() as here:
        with pytest.raises(BackendTimeout, match="the one node asked did not answer"):
            await early(here, GONE)
        resolver.answer.set_exception(HostNotFound("no such name"))
        with pytest.raises(BackendTimeout, match="none of the nodes known before"):
            await early(here, NAME)


async def test_where_fewer_answer_than_a_lookup_asks_for_it_fails() -> None:
    async with Testnet(3) as few, running() as here:
        with pytest.raises(BackendTimeout, match="fewer nodes answered"):
            await early(here, *few.bootstrap)


async def test_in_such_a_small_network_a_program_finds_peers_all_the_same() -> None:
    async with Testnet(3) as few, running() as there:
        await there.bootstrap(few.bootstrap)
        await there.announce(hashlib.sha1(b"mine").digest(), KnownHost("", 7000), lifetime=900)
        async with (
            BitBoot(
                network="mainline", bootstrap=few.bootstrap, listen="127.0.0.1:0", state_dir=False
            ) as bitboot,
            bitboot.find("mine") as found,
        ):
            assert [peer.port for peer in await found.collect()] == [7000]
            assert not found.failures


async def test_closed_meanwhile_it_ends() -> None:
    backend = MainlineBackend(config())
    await backend.start()
    looking = asyncio.ensure_future(early(backend, GONE))
    await eventually(lambda: bool(backend._lookups), "the lookup to begin")
    await backend.aclose()
    with pytest.raises(NotRunning, match="closed"):
        await looking
