"""The same operation in each IP family (BEP 32: two DHTs, independent of each other)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, Protocol, Self, TypeAlias, TypeVar


class Operation(Protocol):
    """Something under way that can be called off."""

    def cancel(self) -> None:
        """Stop it; its callbacks are not called any more."""


Run: TypeAlias = Callable[[Callable[[Callable[[int], None]], Operation]], Awaitable[int]]
"""Begins an operation, which reports a number when it is done, and waits for that: `MainlineBackend._run`."""


class Startable(Operation, Protocol):
    def start(self) -> None:
        """Send the first queries."""


Part = TypeVar("Part", bound=Startable)


class _Total:
    """The sum of what so many parts report. They keep this, and not whoever keeps them: no circle."""

    def __init__(self, parts: int, on_done: Callable[[int], None]) -> None:
        self._left = parts
        self._total = 0
        self._on_done = on_done

    def add(self, result: int) -> None:
        """A part is done."""
        self._total += result
        self._left -= 1
        if not self._left:
            self._on_done(self._total)


class InFamilies(Generic[Part]):
    """The same operation in each family; done when all are, with the sum of what they report.

    `make(family, done)` makes one of them, which calls `done(result)` once.
    """

    def __init__(
        self,
        families: Iterable[int],
        make: Callable[[int, Callable[[int], None]], Part],
        on_done: Callable[[int], None],
    ) -> None:
        families = list(families)
        one_done = _Total(len(families), on_done).add
        self.parts: list[Part] = [make(family, one_done) for family in families]

    def start(self) -> Self:
        """Start it in all of them."""
        for part in self.parts:
            part.start()
        return self

    def cancel(self) -> None:
        """Stop it in all of them; call nobody."""
        for part in self.parts:
            part.cancel()
