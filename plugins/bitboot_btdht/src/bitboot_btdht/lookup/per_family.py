"""The same operation in each IP family (BEP 32: two DHTs, independent of each other)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Operation(Protocol):
    """Something under way that can be called off."""

    def cancel(self) -> None:
        """Stop it; its callbacks are not called any more."""


class Startable(Operation, Protocol):
    def start(self) -> None:
        """Send the first queries."""


class InFamilies:
    """The same operation in each family; done when all are, with the sum of what they report."""

    def __init__(self, count: int, on_done: Callable[[int], None]) -> None:
        self.parts: list[Startable] = []
        self._left = count
        self._total = 0
        self._on_done = on_done

    def one_done(self, result: int) -> None:
        self._total += result
        self._left -= 1
        if not self._left:
            self._on_done(self._total)

    def cancel(self) -> None:
        for part in self.parts:
            part.cancel()
