"""Items of the local network: kept for two hours, within a bound, and only a newer version replaces one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bitboot_local.items import Items

from bitboot_core import BitBoot, Identity, Item, ItemLocked, ItemOutdated, PublishFailed
from bitboot_core.items import MAX_SEQ, byte_string, immutable_target

ALICE = Identity.from_seed(b"a" * 32)


def version(value: bytes, seq: int = 1, salt: bytes = b"") -> Item:
    return Item.signed(ALICE, byte_string(value), seq=seq, salt=salt)


def test_an_item_is_kept_for_two_hours_after_it_was_put_last() -> None:
    items = Items()
    items.put(b"5:hello", 0.0)
    items.publish(version(b"mine"), None, 0.0)
    items.publish(version(b"mine"), None, 7000.0)
    assert items.get(immutable_target(b"5:hello"), 7199.0) == b"5:hello"
    assert items.get(immutable_target(b"5:hello"), 7200.0) is None
    assert items.get(version(b"mine").target, 14_199.0) == version(b"mine")
    assert items.get(version(b"mine").target, 14_200.0) is None
    assert len(items) == 0


def test_a_newer_version_replaces_an_older_one_alone() -> None:
    items = Items()
    items.publish(version(b"two", 2), None, 0.0)
    for late in (version(b"one", 1), version(b"other", 2)):
        with pytest.raises(ItemOutdated) as caught:
            items.publish(late, None, 0.0)
        assert (caught.value.seq, caught.value.encoded) == (2, b"3:two")
    with pytest.raises(ItemOutdated):
        items.publish(version(b"three", 3), 1, 0.0)
    items.publish(version(b"three", 3), 2, 0.0)
    items.publish(version(b"last", MAX_SEQ), None, 0.0)
    with pytest.raises(ItemLocked):
        items.publish(version(b"later", 4), None, 0.0)
    assert items.get(version(b"x").target, 0.0) == version(b"last", MAX_SEQ)


def test_a_signature_that_does_not_hold_is_refused() -> None:
    items = Items()
    with pytest.raises(PublishFailed, match="signature"):
        items.publish(replace(version(b"one"), seq=2), None, 0.0)
    assert len(items) == 0


def test_it_holds_so_many_and_no_more() -> None:
    items = Items(max_items=3)
    for number in range(3):
        items.put(b"1:%d" % number, 0.0)
    with pytest.raises(PublishFailed, match="full"):
        items.put(b"1:x", 1.0)
    items.put(b"1:0", 1.0)
    items.put(b"1:x", 7200.0)
    assert len(items) == 2, "what has ended makes room"


async def test_all_programs_of_a_process_share_them() -> None:
    async with BitBoot(network="local") as one, BitBoot(network="local") as other:
        async with one.publishing(ALICE, b"hello", salt=b"test") as publication:
            await publication.published()
            item = await other.resolve(ALICE.public_key, b"test")
            assert item == publication.item
        assert await other.get_item(await one.put_item(b"value")) == b"value"
        assert await other.get_item(b"x" * 20) is None
        assert await other.resolve(ALICE.public_key, b"nothing") is None
