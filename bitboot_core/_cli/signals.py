"""The signals that end a command in good order."""

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


def interruptible(work: Callable[[], T]) -> T:
    """Do what needs no event loop; each of these signals raises KeyboardInterrupt in it, as Ctrl-C does."""
    before = []
    try:
        try:  # noqa: SIM105 - `quick` does not wait for contextlib
            before += [(number, signal.signal(number, _interrupt)) for number in SIGNALS]
        except ValueError:
            pass  # only the main thread may do it: whoever runs us elsewhere has signals of their own
        return work()
    finally:
        for number, previous in before:
            signal.signal(number, previous)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
