"""The part of `FakeBackend` that looks up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from bitboot_core.model import KnownHost


class FakeLookups:
    """Yields what it is told to, and then does as `acts` says."""

    peers: list[Any]
    open_streams: int

    def lookup(self, key: bytes) -> AsyncIterator[KnownHost]:
        """Yield `peers`, then do what `acts["lookup"]` says."""
        return self._look("lookup", key)

    def lookup_through(self, key: bytes, contacts: Sequence[KnownHost]) -> AsyncIterator[KnownHost]:
        """Yield `peers`, then do what `acts["lookup_through"]` says."""
        return self._look("lookup_through", key, tuple(contacts))

    async def _look(self, method: str, *arguments: object) -> AsyncIterator[KnownHost]:
        self.open_streams += 1
        try:
            for peer in self.peers:
                yield peer
            await self._act(method, *arguments)
        finally:
            self.open_streams -= 1

    async def _act(self, method: str, *arguments: object) -> Any:
        raise NotImplementedError
