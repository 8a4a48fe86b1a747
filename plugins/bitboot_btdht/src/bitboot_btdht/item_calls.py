"""The backend's calls that have to do with items (BEP 44)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bitboot_core import InvalidItem, ItemLocked, ItemOutdated, PublishFailed, Receipt
from bitboot_core.items import MAX_SEQ, Item

from .lookup.item_found import ImmutableFound, MutableFound
from .lookup.items import ItemSearches, Puts
from .lookup.per_family import Operation, Run
from .node import Node
from .peer_stream import nobody_answered

Op = TypeVar("Op", bound=Operation)


class ItemCalls:
    """Items of the network that `node` is in."""

    def __init__(self, node: Node, run: Run, now: Callable[[], float]) -> None:
        self._node = node
        self._run = run
        self._now = now

    async def resolve(self, public_key: bytes, salt: bytes) -> Item | None:
        """`Backend.resolve`."""
        items = self._node.items
        _, search = await self._waited(lambda done: items.resolve(public_key, salt, done, now=self._now()))
        return _newest(search)

    async def get(self, target: bytes) -> bytes | None:
        """`Backend.get_item`."""
        items = self._node.items
        _, search = await self._waited(lambda done: items.get(target, done, now=self._now()))
        found = search.found
        encoded = found.encoded if isinstance(found, ImmutableFound) else None
        if encoded is None and search.unanswered:
            raise nobody_answered(search.asked)
        return encoded

    async def put(self, encoded: bytes) -> Receipt:
        """`Backend.put_item`."""
        items = self._node.items
        try:
            stored, puts = await self._waited(lambda done: items.put(encoded, done, now=self._now()))
        except ValueError as error:
            raise _not_bencoded() from error
        if not stored:
            raise self._refused(puts)
        return self._receipt(stored)

    async def publish(self, item: Item, cas: int | None) -> Receipt:
        """`Backend.publish`."""
        items = self._node.items
        try:
            stored, puts = await self._waited(
                lambda done: items.publish(item, done, now=self._now(), cas=cas)
            )
        except ValueError as error:
            raise _not_bencoded() from error
        put = puts.put
        if put.was_outrun and not put.is_outdated:
            # Somebody else publishes at the same time, or these nodes lie: what is there now tells which.
            _, search = await self._waited(
                lambda done: items.resolve(item.public_key, item.salt, done, now=self._now())
            )
            put.found = search.found
        if put.is_outdated:
            raise _outdated(put.found)
        if not stored:
            raise self._refused(puts)
        return self._receipt(stored)

    async def _waited(self, begin: Callable[[Callable[[int], None]], Op]) -> tuple[int, Op]:
        """What an operation has reported at its end, and the operation."""
        begun: list[Op] = []

        def start(done: Callable[[int], None]) -> Op:
            begun.append(begin(done))
            return begun[0]

        return await self._run(start), begun[0]

    def _receipt(self, stored: int) -> Receipt:
        k, tables = self._node.settings.k, self._node.tables.values()
        could_store = sum(min(k, len(table)) for table in tables)
        return Receipt(stored, self._node.settings.item_lifetime, max(stored, could_store))

    def _refused(self, puts: Puts) -> PublishFailed:
        known = sum(len(table) for table in self._node.tables.values())
        codes = ", ".join(f"{count} with error {code}" for code, count in sorted(puts.put.refusals.items()))
        return PublishFailed(
            f"none of the network's nodes stored the item ({known} contacts known"
            + (f"; refused by {codes})" if codes else ")"),
            hint="wait until other nodes have joined"
            if not known
            else "many nodes keep no items: where few are known, try again later",
        )


def _newest(search: ItemSearches) -> Item | None:
    found = search.found
    newest = found.newest if isinstance(found, MutableFound) else None
    if newest is None and search.unanswered:
        raise nobody_answered(search.asked)
    return newest


def _outdated(found: object) -> ItemOutdated:
    newest = found.newest if isinstance(found, MutableFound) else None
    if newest is None:
        return ItemOutdated("nodes have another version of the item", hint="resolve it, and publish again")
    if newest.seq == MAX_SEQ:
        return ItemLocked(
            "the item has the highest sequence number there is, and can never be replaced",
            seq=newest.seq,
            encoded=newest.encoded,
            hint="publish under another salt or key",
        )
    return ItemOutdated(
        f"the network has version {newest.seq} of the item",
        seq=newest.seq,
        encoded=newest.encoded,
        hint="resolve it, and publish again with a higher number",
    )


def _not_bencoded() -> InvalidItem:
    return InvalidItem("the value is not bencoded as it should be", hint="keys in order, no leading zeros")
