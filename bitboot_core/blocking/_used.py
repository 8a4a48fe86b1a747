"""What `with` begins and ends, without asyncio."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from ._loop import LoopThread


class Closable(Protocol):
    async def __aenter__(self) -> Any: ...

    async def aclose(self) -> None: ...


C = TypeVar("C", bound=Closable)


class Used(Generic[C]):
    """What `with` begins and ends: an Announcement, a Lookup, a Watch, a Swarm."""

    def __init__(self, inner: C, loop: LoopThread) -> None:
        self._inner, self._loop = inner, loop

    def __repr__(self) -> str:
        return f"<blocking {self._inner!r}>"

    def __enter__(self) -> Self:
        self._loop.call(self._inner.__aenter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it. `with` does this. May be called twice."""
        if self._loop.is_stopped:
            return  # the BitBoot has closed it
        self._loop.call(self._inner.aclose)
