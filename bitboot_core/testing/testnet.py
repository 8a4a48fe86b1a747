"""A network of a plugin's own backends on this machine: what a plugin's testnet is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Self, TypeVar

from ..backend import Backend
from ..model import KnownHost

_B = TypeVar("_B", bound=Backend)


class BackendTestnet(Generic[_B]):
    """`size` backends, each of which joins through the first three. `make` makes one, on a free port.

    Raises ValueError where `size` is less than 1.
    """

    __test__ = False  # a subclass whose name starts with "Test" is no test case

    def __init__(self, size: int, make: Callable[[], _B]) -> None:
        if size < 1:
            raise ValueError("a network has at least one node")
        self._size, self._make = size, make
        self._backends: list[_B] = []

    @property
    def backends(self) -> list[_B]:
        """The nodes that are running, longest first."""
        return list(self._backends)

    @property
    def addresses(self) -> list[KnownHost]:
        """Where the running nodes listen."""
        return [backend.address for backend in self._backends if backend.address is not None]

    @property
    def bootstrap(self) -> list[KnownHost]:
        """Contacts to start from: the first three nodes."""
        return self.addresses[:3]

    async def __aenter__(self) -> Self:
        try:
            for _ in range(self._size):
                await self.add()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def add(self) -> _B:
        """One more node, which joins through those that are there."""
        backend = self._make()
        bootstrap = self.bootstrap
        await backend.start()
        self._backends.append(backend)
        await backend.bootstrap(bootstrap)
        return backend

    async def remove(self, index: int = -1) -> None:
        """Stop a node without a word, as a machine that is switched off would."""
        await self._backends.pop(index).aclose()

    async def aclose(self) -> None:
        """Stop them all."""
        while self._backends:
            await self.remove()
