"""What a backend implements whose network's nodes keep items (`Capabilities.items`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import UnsupportedOperation
from .reports import Receipt

if TYPE_CHECKING:
    from .items import Item


class ItemMethods:
    """The methods of a `Backend` that have to do with items: see `bitboot_core.items` for what these are."""

    async def publish(self, item: Item, *, cas: int | None = None) -> Receipt:
        """Store a version of a mutable item on the nodes closest to its `target`. Once: the core renews.

        `cas`: the number of the version that it is to replace; None for any older one, or none. Where a
        version is found that it cannot replace, ItemOutdated says which (ItemLocked, where none ever can): a
        higher `seq`, the same with another value, or another than `cas`. Such a version counts where its
        signature holds; a node that only says so is one of those that did not store it.

        Returns how many nodes stored it, and for how long they keep it. Raises PublishFailed where none did.
        """
        raise _has_no_items(self)

    async def resolve(self, public_key: bytes, salt: bytes) -> Item | None:
        """The newest version of a mutable item, of those that all nodes asked have told of.

        Its signature has been checked. None where nodes answered, and none has it. Raises BackendTimeout
        where nodes were asked and none answered.
        """
        raise _has_no_items(self)

    async def put_item(self, encoded: bytes) -> Receipt:
        """Store an immutable item, once: a value, bencoded. Returns and raises as `publish`."""
        raise _has_no_items(self)

    async def get_item(self, target: bytes) -> bytes | None:
        """The value, bencoded, whose SHA-1 is `target`. None and BackendTimeout as for `resolve`."""
        raise _has_no_items(self)


def _has_no_items(backend: ItemMethods) -> UnsupportedOperation:
    return UnsupportedOperation(
        f"{type(backend).__name__} has no items", hint="look at capabilities.items first"
    )
