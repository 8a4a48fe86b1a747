"""Items through the backend, on real UDP: what is raised, and when (BEP 44)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.testnet import Testnet

from bitboot_core import (
    BackendConfig,
    BackendTimeout,
    BitBoot,
    InvalidItem,
    ItemLocked,
    ItemOutdated,
    KnownHost,
    LibraryMissing,
    PublishFailed,
)
from bitboot_core.items import MAX_SEQ, byte_string, immutable_target

from .conftest import eventually, silenced
from .publishers import ALICE, version


async def started(testnet: Testnet | None) -> MainlineBackend:
    config = BackendConfig(network="mainline", protocol="mainline", listen=KnownHost("127.0.0.1", 0))
    backend = MainlineBackend(config)
    await backend.start()
    if testnet is not None:
        await backend.bootstrap(testnet.bootstrap)
    return backend


@pytest.fixture
async def testnet() -> AsyncIterator[Testnet]:
    async with Testnet(8) as testnet:
        yield testnet


@pytest.fixture
async def backend(testnet: Testnet) -> AsyncIterator[MainlineBackend]:
    backend = await started(testnet)
    yield backend
    await backend.aclose()


async def test_a_publication_and_its_readers(testnet: Testnet) -> None:
    """The whole way: the core's publication, the wire, eight nodes, another node's lookup."""
    settings = {"network": "mainline", "bootstrap": testnet.bootstrap, "listen": "127.0.0.1:0"}
    async with BitBoot(**settings) as one, BitBoot(**settings) as other:  # type: ignore[arg-type]
        async with one.publishing(ALICE, b"hello", salt=b"salt") as publication:
            await publication.published()
            assert publication.status["mainline"].stored_on >= 8
            assert await other.resolve(ALICE.public_key, b"salt") == publication.item
            await publication.update(b"hello again")
            found = await other.resolve(ALICE.public_key, b"salt")
            assert found is not None
            assert found.value == b"hello again"
        assert await other.get_item(await one.put_item(b"e:" * 498)) == b"e:" * 498
        async with one.join("swarm", port=7001, publish=ALICE) as swarm:
            await swarm.announced()
            await eventually(lambda: swarm.publication is not None, "it to be known where we are")
            assert swarm.publication is not None
            await swarm.publication.published()
            assert [str(peer) for peer in await other.find_member(ALICE.public_key)] == ["127.0.0.1:7001"]


async def test_what_is_there_and_newer_is_told(backend: MainlineBackend) -> None:
    await backend.publish(version(b"there", 5))
    for item, cas in ((version(b"older", 4), None), (version(b"other", 5), None), (version(b"new", 6), 4)):
        with pytest.raises(ItemOutdated) as caught:
            await backend.publish(item, cas=cas)
        assert (caught.value.seq, caught.value.encoded) == (5, b"5:there")
    await backend.publish(version(b"last", MAX_SEQ))
    with pytest.raises(ItemLocked):
        await backend.publish(version(b"later", MAX_SEQ - 1))


async def test_of_two_that_swap_at_the_same_moment_one_is_told_that_it_did(testnet: Testnet) -> None:
    one, other = await started(testnet), await started(testnet)
    try:
        for number in range(10):
            salt = b"%d" % number
            await one.publish(version(b"there", 5, salt=salt))
            results = await asyncio.gather(
                one.publish(version(b"one", 6, salt=salt), cas=5),
                other.publish(version(b"other", 7, salt=salt), cas=5),
                return_exceptions=True,
            )
            failed = [isinstance(result, PublishFailed) for result in results]
            assert sorted(failed) == [False, True]
            (winner,) = {await node.resolve(ALICE.public_key, salt) for node in (one, other)}
            assert winner is not None
            assert winner.value == (b"one", b"other")[failed.index(False)]
    finally:
        await one.aclose()
        await other.aclose()


async def test_alone_nobody_stores_it_and_nothing_is_there() -> None:
    backend = await started(None)
    try:
        for call in (backend.publish(version(b"x")), backend.put_item(b"1:x")):
            with pytest.raises(PublishFailed, match="0 contacts known") as caught:
                await call
            assert caught.value.hint
        assert await backend.resolve(ALICE.public_key, b"") is None
        assert await backend.get_item(b"x" * 20) is None
    finally:
        await backend.aclose()


async def test_nodes_that_fell_silent_are_not_nothing(testnet: Testnet) -> None:
    backend = await started(testnet)
    try:
        await backend.put_item(b"5:hello")
        async with silenced(testnet):
            with pytest.raises(BackendTimeout):
                await backend.get_item(immutable_target(b"5:hello"))
            with pytest.raises(BackendTimeout):
                await backend.resolve(ALICE.public_key, b"")
            with pytest.raises(PublishFailed):
                await backend.publish(version(b"x"))
    finally:
        await backend.aclose()


async def test_a_value_that_is_not_bencoded_as_it_should_be_is_refused(backend: MainlineBackend) -> None:
    with pytest.raises(InvalidItem, match="bencoded"):
        await backend.put_item(b"05:hello")
    with pytest.raises(InvalidItem, match="bencoded"):
        await backend.publish(version(b"", encoded=b"d1:bi1e1:ai1ee"))


async def test_without_the_library_mutable_items_are_refused_and_immutable_ones_work(
    backend: MainlineBackend, testnet: Testnet, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = version(b"x")

    def verify(*_: object) -> bool:
        raise LibraryMissing("signatures need the library cryptography", hint="pip install")

    monkeypatch.setattr("bitboot_core.identity.verify", verify)
    with pytest.raises(LibraryMissing):
        await backend.publish(item)
    with pytest.raises(LibraryMissing):
        await backend.resolve(ALICE.public_key, b"")
    await backend.put_item(byte_string(b"value"))
    assert await backend.get_item(immutable_target(b"5:value")) == b"5:value"
