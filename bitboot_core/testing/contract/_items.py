"""Checks of items (BEP 44), where a backend's network keeps them (`Capabilities.items`)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bitboot_core.backend import Backend
from bitboot_core.errors import (
    BackendError,
    BackendTimeout,
    ItemOutdated,
    NotRunning,
    UnsupportedOperation,
)
from bitboot_core.identity import Identity
from bitboot_core.items import Item, byte_string, immutable_target
from bitboot_core.reports import Receipt

from ._base import Checks, Nodes, check, raised_by
from ._failing import fail


class ItemChecks(Checks):
    """What one node stores another gets, and only a newer version takes its place."""

    @check
    async def test_items_are_kept_or_that_is_refused(self, nodes: Nodes) -> None:
        """Mutable and immutable, of all lengths and bytes, under each key and salt on its own."""
        one, other = await nodes.pair()
        if not one.capabilities.items:
            for name, call in _calls(one).items():
                error = await nodes.soon(raised_by(call), name)
                if not isinstance(error, UnsupportedOperation):
                    fail(f"items is False, and yet {name}() raised {error!r}, not UnsupportedOperation")
            return
        versions = [_version(value, salt=salt) for value, salt in zip(VALUES, SALTS, strict=True)]
        for item in versions:
            _expect_receipt(await nodes.soon(one.publish(item), "publish()"), "publish()")
        for item in versions:
            await _expect(nodes, other, item, "after it was published")
        for value in VALUES:
            encoded = byte_string(value)
            _expect_receipt(await nodes.soon(other.put_item(encoded), "put_item()"), "put_item()")
            found = await nodes.soon(one.get_item(immutable_target(encoded)), "get_item()")
            if found != encoded:
                fail(f"after {encoded!r:.60} was put, get_item() gave {found!r:.60}")
        await _expect(
            nodes, other, _version(b"x", salt=b"nobody's"), "though nobody published it", there=False
        )
        if await nodes.soon(other.get_item(b"\1" * 20), "get_item()") is not None:
            fail("get_item() gave what nobody has put")
        await nodes.close(one)
        for name, call in _calls(one).items():
            error = await nodes.soon(raised_by(call), name)
            if not isinstance(error, NotRunning):
                fail(f"after aclose() {name}() raised {error!r}, not NotRunning")

    @check
    async def test_only_a_newer_item_replaces_one(self, nodes: Nodes) -> None:
        """A lower number, or the same with another value, is refused with what is there."""
        one, other = await _pair(nodes)
        old, new = _version(b"old", 5), _version(b"new", 7)
        await nodes.soon(one.publish(old), "publish()")
        await nodes.soon(other.publish(new), "publish()")
        await _expect(nodes, one, new, "after it replaced an older one")
        for late in (old, _version(b"other", 7)):
            await _expect_outdated(nodes, one, late, None, new)
        await nodes.soon(one.publish(new), "publish()")
        await _expect(nodes, other, new, "after others that could not replace it")

    @check
    async def test_cas_replaces_the_item_that_it_names(self, nodes: Nodes) -> None:
        """Where `cas` names another version than the one that is there, that stays."""
        one, other = await _pair(nodes)
        old, new = _version(b"old", 5), _version(b"new", 7)
        await nodes.soon(one.publish(old, cas=3), "publish()")  # there is none: then it does not count
        await _expect_outdated(nodes, other, new, 4, old)
        await _expect(nodes, one, old, "after another was to replace it that named a wrong version")
        await nodes.soon(other.publish(new, cas=5), "publish()")
        await _expect(nodes, one, new, "after it replaced the version that it named")

    @check
    async def test_where_nobody_answers_no_item_is_found_missing(self, nodes: Nodes) -> None:
        """Silence is no answer: looking fails with BackendTimeout, and storing with a BackendError."""
        one, other = await _pair(nodes)
        if nodes.world.fall_silent is None:
            pytest.skip("this world has no nodes that could fall silent")
        await nodes.close(other)
        await nodes.world.fall_silent()
        for name, call in _calls(one).items():
            error = await nodes.soon(raised_by(call), name)
            expected = BackendTimeout if name in {"resolve", "get_item"} else BackendError
            if not isinstance(error, expected):
                fail(f"where nobody answers {name}() raised {error!r}, not a {expected.__name__}")


# Identities are made where a check needs one: the library for them need not be there for other checks.
VALUES = [b"", b"x", b"\0\xff" * 498, b"e:" * 400]
SALTS = [b"", b"\0", b"s" * 64, b"salt"]


def _version(value: bytes, seq: int = 1, *, salt: bytes = b"") -> Item:
    return Item.signed(Identity.from_seed(b"i" * 32), byte_string(value), seq=seq, salt=salt)


def _calls(node: Backend) -> dict[str, Callable[[], object]]:
    if node.capabilities.items:
        item = _version(b"never stored", salt=b"never")
    else:  # which is refused, whoever signed it
        item = Item(public_key=bytes(32), seq=1, encoded=b"1:x", signature=bytes(64))
    return {
        "publish": lambda: node.publish(item),
        "resolve": lambda: node.resolve(item.public_key, item.salt),
        "put_item": lambda: node.put_item(item.encoded),
        "get_item": lambda: node.get_item(b"\2" * 20),
    }


async def _pair(nodes: Nodes) -> tuple[Backend, Backend]:
    one, other = await nodes.pair()
    if not one.capabilities.items:
        pytest.skip("it keeps no items, and says so")
    return one, other


async def _expect(nodes: Nodes, node: Backend, item: Item, when: str, *, there: bool = True) -> None:
    found = await nodes.soon(node.resolve(item.public_key, item.salt), "resolve()")
    if found != (item if there else None):
        fail(f"{when}, resolve() gave {found!r:.300} and not {(item if there else None)!r:.300}")


async def _expect_outdated(nodes: Nodes, node: Backend, item: Item, cas: int | None, there: Item) -> None:
    error = await nodes.soon(raised_by(lambda: node.publish(item, cas=cas)), "publish()")
    if not isinstance(error, ItemOutdated) or (error.seq, error.encoded) != (there.seq, there.encoded):
        said = f" of version {error.seq}" if isinstance(error, ItemOutdated) else ""
        fail(
            f"version {item.seq} was published (cas={cas}) where version {there.seq} is there: "
            f"publish() raised {error!r}{said}, not ItemOutdated with that"
        )


def _expect_receipt(receipt: object, what: str) -> None:
    if not isinstance(receipt, Receipt) or receipt.stored_on < 1 or receipt.lifetime <= 0:
        fail(f"{what} returned {receipt!r}")
