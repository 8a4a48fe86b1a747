"""Items on several networks side by side: each is asked, and one that fails never spoils the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from ..._networks.network import ActiveNetwork
from ..._networks.per_network import one_error
from ...errors import BitBootError, UnsupportedOperation
from ...items import Item, immutable_target

T = TypeVar("T")


def with_items(networks: Sequence[ActiveNetwork]) -> list[ActiveNetwork]:
    """Those that keep items, and those that do not run, which say why when they are asked.

    Raises UnsupportedOperation where none is left.
    """
    found: list[ActiveNetwork] = []
    refusals: list[UnsupportedOperation] = []
    for network in networks:
        try:
            network.items.check()
        except UnsupportedOperation as error:
            refusals.append(error)
        else:
            found.append(network)
    if not found and refusals:
        raise refusals[0]
    return found


async def newest(
    networks: Sequence[ActiveNetwork], public_key: bytes, salt: bytes, timeout: float
) -> tuple[Item | None, tuple[str, ...]]:
    """The newest version that any network has, and which of them told of it.

    None where at least one of them answered, and none has any. Raises where all failed.
    """

    async def ask(network: ActiveNetwork) -> Item | None:
        return await network.items.resolve(public_key, salt, timeout=timeout)

    answers = await _Asked(ask).all_of(with_items(networks), "resolving an item")
    found = {name: item for name, item in answers.items() if item is not None}
    if not found:
        return None, ()
    best = max(found.values(), key=lambda item: item.version)
    return best, tuple(name for name, item in found.items() if item.version == best.version)


async def get(networks: Sequence[ActiveNetwork], target: bytes, timeout: float) -> bytes | None:
    """The value, bencoded, of an immutable item, from the first network that has it. Raises as `newest`."""

    async def ask(network: ActiveNetwork) -> bytes | None:
        return await network.items.get(target, timeout=timeout)

    asked = _Asked(ask, enough=lambda encoded: encoded is not None)
    answers = await asked.all_of(with_items(networks), "getting an item")
    return next((encoded for encoded in answers.values() if encoded is not None), None)


async def put(networks: Sequence[ActiveNetwork], encoded: bytes, timeout: float) -> bytes:
    """Store an immutable item on every network; its target. Raises where all failed."""

    async def ask(network: ActiveNetwork) -> None:
        await network.items.put(encoded, timeout=timeout)

    await _Asked(ask).all_of(with_items(networks), "storing an item")
    return immutable_target(encoded)


class _Asked(Generic[T]):
    """One question to several networks. `enough(answer)`: whether the others need not be waited for."""

    def __init__(
        self,
        ask: Callable[[ActiveNetwork], Awaitable[T]],
        enough: Callable[[T], bool] = lambda answer: False,
    ) -> None:
        self._ask = ask
        self._enough = enough
        self._answers: dict[str, T] = {}
        self._errors: dict[str, BitBootError] = {}

    async def all_of(self, networks: Sequence[ActiveNetwork], what: str) -> dict[str, T]:
        """The answers by network. Raises where there is none."""
        tasks = [asyncio.ensure_future(self._one(network)) for network in networks]
        try:
            for done in asyncio.as_completed(tasks):
                if await done:
                    break
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not self._answers:
            raise one_error(self._errors, what)
        return self._answers

    async def _one(self, network: ActiveNetwork) -> bool:
        try:
            answer = await self._ask(network)
        except BitBootError as error:
            self._errors[network.name] = error
            return False
        self._answers[network.name] = answer
        return self._enough(answer)
