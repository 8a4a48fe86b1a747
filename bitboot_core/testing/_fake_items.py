"""The part of `FakeBackend` that keeps items."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from bitboot_core.item_methods import ItemMethods
from bitboot_core.items import LIFETIME, Item, immutable_target, mutable_target
from bitboot_core.reports import Receipt


class FakeItems(ItemMethods):
    """Keeps items in memory, unless `acts` says otherwise."""

    acts: dict[str, Callable[[], Coroutine[Any, Any, Any]]]

    def __init__(self) -> None:
        self.items: dict[bytes, Item] = {}
        self.values: dict[bytes, bytes] = {}
        """Mutable items, and the values of immutable ones, by target."""

    async def publish(self, item: Item, *, cas: int | None = None) -> Receipt:
        """Do what `acts["publish"]` says; otherwise one node stores it, in `items`."""
        done: Receipt | None = await self._act("publish", item, cas)
        if "publish" in self.acts:
            return done  # type: ignore[return-value]
        self.items[item.target] = item
        return Receipt(1, LIFETIME)

    async def resolve(self, public_key: bytes, salt: bytes) -> Item | None:
        """Do what `acts["resolve"]` says; otherwise give what is in `items`."""
        done: Item | None = await self._act("resolve", public_key, salt)
        return done if "resolve" in self.acts else self.items.get(mutable_target(public_key, salt))

    async def put_item(self, encoded: bytes) -> Receipt:
        """Do what `acts["put_item"]` says; otherwise one node stores it, in `values`."""
        done: Receipt | None = await self._act("put_item", encoded)
        if "put_item" in self.acts:
            return done  # type: ignore[return-value]
        self.values[immutable_target(encoded)] = encoded
        return Receipt(1, LIFETIME)

    async def get_item(self, target: bytes) -> bytes | None:
        """Do what `acts["get_item"]` says; otherwise give what is in `values`."""
        done: bytes | None = await self._act("get_item", target)
        return done if "get_item" in self.acts else self.values.get(target)

    async def _act(self, method: str, *arguments: object) -> Any:
        raise NotImplementedError
