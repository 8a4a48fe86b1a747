"""Items side by side with libtorrent (BEP 44): what either puts the other gets. Real UDP, loopback only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial

import pytest
from bitboot_btdht.backend import MainlineBackend
from bitboot_btdht.testnet import Testnet
from bitboot_btdht.wire import bencode

from bitboot_core import BackendConfig, ItemOutdated, KnownHost
from bitboot_core.items import byte_string, immutable_target

pytest.importorskip(
    "libtorrent",
    reason="LIBTORRENT IS NOT INSTALLED: no item was exchanged with a real client (pip install libtorrent)",
)

from .libtorrent_swarm import Session, Swarm, wait_for
from .publishers import ALICE, version

pytestmark = pytest.mark.once

SEED = b"a" * 32
VALUES = [b"value number %d" % number for number in range(19)] + [b"\0\xff:e" * 249]


class Both:
    """A network whose nodes are all of one kind, and a client of each."""

    def __init__(self, ours: MainlineBackend, theirs: Session) -> None:
        self.ours = ours
        self.theirs = theirs


async def client(bootstrap: list[KnownHost]) -> MainlineBackend:
    config = BackendConfig(network="mainline", protocol="mainline", listen=KnownHost("127.0.0.1", 0))
    backend = MainlineBackend(config)
    await backend.start()
    await backend.bootstrap(bootstrap)
    return backend


@pytest.fixture(params=["nodes of ours", "nodes of libtorrent"])
async def both(request: pytest.FixtureRequest) -> AsyncIterator[Both]:
    async with AsyncExitStack() as stack:
        if request.param == "nodes of ours":
            testnet = await stack.enter_async_context(Testnet(8))
            theirs = await asyncio.to_thread(Session)
            stack.push_async_callback(asyncio.to_thread, theirs.close)
            theirs.know(testnet.addresses)
            await asyncio.to_thread(wait_for, partial(theirs.knows, 8), "libtorrent to join our nodes")
            ours = await client(testnet.bootstrap)
        else:
            swarm = await asyncio.to_thread(Swarm, 8)
            stack.push_async_callback(asyncio.to_thread, swarm.close)
            theirs = swarm.sessions[-1]
            ours = await client(swarm.bootstrap)
        stack.push_async_callback(ours.aclose)
        yield Both(ours, theirs)


async def test_immutable_items_that_libtorrent_puts(both: Both) -> None:
    for value in VALUES:
        target = await asyncio.to_thread(both.theirs.put, value)
        assert target == immutable_target(byte_string(value))
        assert await both.ours.get_item(target) == byte_string(value)


async def test_immutable_items_that_we_put(both: Both) -> None:
    for value in VALUES:
        receipt = await both.ours.put_item(byte_string(value))
        assert receipt.stored_on >= 7
        target = immutable_target(byte_string(value))
        assert await asyncio.to_thread(both.theirs.get_item, target) == value


async def test_mutable_items_that_libtorrent_publishes_and_updates(both: Both) -> None:
    for number, value in enumerate(VALUES):
        salt = b"%d" % number
        for content in (value, b"an update"):
            seq = await asyncio.to_thread(both.theirs.put_signed, SEED, ALICE.public_key, content, salt)
            item = await both.ours.resolve(ALICE.public_key, salt)
            assert item == version(content, seq, salt=salt)


async def test_mutable_items_that_we_publish_and_update(both: Both) -> None:
    for number, value in enumerate(VALUES):
        salt = b"%d" % number
        for item in (version(value, 5, salt=salt), version(b"an update", 6, salt=salt)):
            assert (await both.ours.publish(item)).stored_on >= 7
            got = await asyncio.to_thread(both.theirs.get_signed, ALICE.public_key, salt)
            assert got == (item.value, item.seq, item.signature)


async def test_either_updates_what_the_other_published_and_cas_holds(both: Both) -> None:
    for number in range(20):
        salt = b"%d" % number
        seq = await asyncio.to_thread(both.theirs.put_signed, SEED, ALICE.public_key, b"theirs", salt)
        ours = version(b"ours", seq + 1, salt=salt)
        with pytest.raises(ItemOutdated) as outdated:
            await both.ours.publish(ours, cas=seq + 7)
        assert (outdated.value.seq, outdated.value.encoded) == (seq, b"6:theirs")
        assert (await both.ours.publish(ours, cas=seq)).stored_on >= 7
        assert (await both.ours.publish(ours)).stored_on >= 7, "again, to keep it"
        again = await asyncio.to_thread(both.theirs.put_signed, SEED, ALICE.public_key, b"theirs", salt)
        assert again == seq + 2
        with pytest.raises(ItemOutdated):
            await both.ours.publish(ours)
        assert await both.ours.resolve(ALICE.public_key, salt) == version(b"theirs", again, salt=salt)


@pytest.mark.parametrize("value", [7, [b"a", 2], {b"ih": b"h" * 20}])
async def test_values_that_are_no_byte_strings(both: Both, value: object) -> None:
    item = version(b"", 5, encoded=bencode.encode(value))
    assert (item.is_bytes, item.value) == (False, bencode.encode(value))
    await both.ours.publish(item)
    assert await both.ours.resolve(ALICE.public_key, b"") == item
    got = await asyncio.to_thread(both.theirs.get_signed, ALICE.public_key, b"")
    assert got == (value, 5, item.signature)
    target = await asyncio.to_thread(both.theirs.put, value)
    assert await both.ours.get_item(target) == bencode.encode(value)


async def test_what_nobody_has_is_not_there(both: Both) -> None:
    assert await both.ours.get_item(b"x" * 20) is None
    assert await both.ours.resolve(ALICE.public_key, b"nothing") is None
