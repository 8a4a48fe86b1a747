"""Items on one network: put and got through its backend, of which nothing is believed that can be checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from ..aio.clock import Clock
from ..backend import Backend
from ..errors import BackendError, ItemOutdated, PublishFailed, UnsupportedOperation
from ..reports import Receipt
from . import checked
from .guard import GuardedBackend

if TYPE_CHECKING:
    from ..items import Item
    from .in_touch import InTouch

T = TypeVar("T")


class Items:
    """The items of one network. Each call waits for contact, and raises a BitBootError within `timeout`."""

    def __init__(self, network: str, backend: GuardedBackend, touch: InTouch, clock: Clock) -> None:
        self._network, self._backend, self._touch, self._clock = network, backend, touch, clock

    async def publish(self, item: Item, *, cas: int | None, timeout: float) -> Receipt:
        """Store a version of a mutable item once. Raises as `Backend.publish`."""
        receipt = await self._call("publish", lambda one: one.publish(item, cas=cas), timeout)
        return self._stored("publish", receipt)

    async def put(self, encoded: bytes, *, timeout: float) -> Receipt:
        """Store an immutable item once. Raises as `Backend.put_item`."""
        receipt = await self._call("store an item", lambda one: one.put_item(encoded), timeout)
        return self._stored("store an item", receipt)

    async def resolve(self, public_key: bytes, salt: bytes, *, timeout: float) -> Item | None:
        """The newest version of a mutable item, None where nodes answered and none has it."""
        doing = "resolve an item"
        item = await self._call(doing, lambda one: one.resolve(public_key, salt), timeout)
        if item is None:
            return None
        if not checked.is_item(item) or (item.public_key, item.salt) != (public_key, salt):
            raise self._backend.nonsense(doing, item)
        if not item.is_genuine():
            raise self._backend.nonsense(doing, "an item whose signature does not hold")
        return item

    async def get(self, target: bytes, *, timeout: float) -> bytes | None:
        """The value, bencoded, of an immutable item, None where nodes answered and none has it."""
        from ..items import immutable_target  # noqa: PLC0415 - an import of the core does not wait for it

        doing = "get an item"
        encoded = await self._call(doing, lambda one: one.get_item(target), timeout)
        if encoded is not None and (not isinstance(encoded, bytes) or immutable_target(encoded) != target):
            raise self._backend.nonsense(doing, encoded)
        return encoded

    def check(self) -> None:
        """Raise UnsupportedOperation where the network runs and has no items."""
        if self._touch.unusable is None and not self._backend.capabilities.items:
            raise UnsupportedOperation(
                f"the network {self._network} keeps no items", hint="mainline does, and local"
            )

    async def _call(self, doing: str, method: Callable[[Backend], Awaitable[T]], timeout: float) -> T:
        until = self._clock.now() + timeout
        self.check()
        try:
            await self._touch.ready(timeout)
            backend = self._backend.backend
            answer = await self._backend.call(doing, lambda: method(backend), until)
        except ItemOutdated:
            self._touch.heard(None)
            raise
        except BackendError:
            self._touch.doubt()
            raise
        self._touch.heard(None)
        return answer

    def _stored(self, doing: str, receipt: Receipt) -> Receipt:
        if not checked.is_receipt(receipt):
            raise self._backend.nonsense(doing, receipt)
        if receipt.stored_on < 1 or receipt.lifetime <= 0:
            raise PublishFailed(
                f"no node stored the item: {self._backend.name} says {receipt}", hint="try again later"
            )
        return receipt
