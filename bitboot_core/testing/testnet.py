"""A network of a plugin's own nodes on this machine: what a plugin's testnet is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, Self, TypeVar

from ..backend import Backend
from ..model import KnownHost


class Member(Protocol):
    """One node of a testnet. `address` is where it listens, or None where others cannot be told."""

    @property
    def address(self) -> KnownHost | None: ...

    async def aclose(self) -> None: ...


_M = TypeVar("_M", bound=Member)
_B = TypeVar("_B", bound=Backend)


class MemberTestnet(ABC, Generic[_M]):
    """`size` members, each of which joins through the first three. A subclass says how one starts and joins.

    Raises ValueError where `size` is less than 1.
    """

    __test__ = False  # a subclass whose name starts with "Test" is no test case

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError("a network has at least one node")
        self._size = size
        self._members: list[_M] = []

    @property
    def addresses(self) -> list[KnownHost]:
        """Where the running nodes listen."""
        return [member.address for member in self._members if member.address is not None]

    @property
    def bootstrap(self) -> list[KnownHost]:
        """Contacts to start from: the first three nodes."""
        return self.addresses[:3]

    async def __aenter__(self) -> Self:
        try:
            for _ in range(self._size):
                await self._add_member()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    @abstractmethod
    async def _start_member(self) -> _M:
        """Start one on a free port, which knows nobody yet."""

    @abstractmethod
    async def _join(self, member: _M, contacts: Sequence[KnownHost]) -> None:
        """Have it join through these, which are none for the first one."""

    async def _add_member(self) -> _M:
        contacts = self.bootstrap
        member = await self._start_member()
        self._members.append(member)
        await self._join(member, contacts)
        return member

    async def remove(self, index: int = -1) -> None:
        """Stop a node without a word, as a machine that is switched off would."""
        await self._members.pop(index).aclose()

    async def aclose(self) -> None:
        """Stop them all."""
        while self._members:
            await self.remove()


class BackendTestnet(MemberTestnet[_B]):
    """`size` backends, each of which joins through the first three. `make` makes one, on a free port.

    Raises ValueError where `size` is less than 1.
    """

    def __init__(self, size: int, make: Callable[[], _B]) -> None:
        super().__init__(size)
        self._make = make

    @property
    def backends(self) -> list[_B]:
        """The nodes that are running, longest first."""
        return list(self._members)

    async def add(self) -> _B:
        """One more node, which joins through those that are there."""
        return await self._add_member()

    async def _start_member(self) -> _B:
        backend = self._make()
        await backend.start()
        return backend

    async def _join(self, member: _B, contacts: Sequence[KnownHost]) -> None:
        await member.bootstrap(contacts)
