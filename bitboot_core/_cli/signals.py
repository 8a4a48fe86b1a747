"""The signals that end a command in good order. `quick` imports this: nothing slow is imported here."""

from __future__ import annotations

import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
]


class Handled:
    """`with Handled(handler):` each of these signals calls it. Outside of the main thread nothing changes:
    whoever runs us there has signals of their own.

    A SIGHUP that is ignored stays so: that is how nohup has a command outlive its terminal.
    """

    def __init__(self, handler: Callable[..., object]) -> None:
        self._handler = handler
        self._before: list[tuple[int, Any]] = []

    def __enter__(self) -> None:
        for number in SIGNALS:
            if number == getattr(signal, "SIGHUP", None) and signal.getsignal(number) is signal.SIG_IGN:
                continue
            try:
                self._before.append((number, signal.signal(number, self._handler)))
            except ValueError:  # we are not in the main thread
                return

    def __exit__(self, *_: object) -> None:
        for number, previous in self._before:
            signal.signal(number, signal.SIG_DFL if previous is None else previous)


def interruptible(work: Callable[[], T]) -> T:
    """Do what needs no event loop; each of these signals raises KeyboardInterrupt in it, as Ctrl-C does."""
    with Handled(_interrupt):
        return work()


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
