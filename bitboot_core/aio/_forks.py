"""A child of os.fork has copies of its parent's sockets and locks, and no threads: it must let go of them.

The epoll of the parent's event loop is even the same one. Whoever stops to watch a socket in the child makes
the parent deaf, and what the child reads is missing there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_known: WeakKeyDictionary[Any, Callable[[Any], None]] = WeakKeyDictionary()


def let_go_in_children(one: T, let_go: Callable[[T], None]) -> None:
    """Have `let_go(one)` called in each child of os.fork, as long as `one` lives.

    It must not raise, nor touch an event loop, nor wait for anything.
    """
    _known[one] = let_go


def _let_go() -> None:
    for one, let_go in list(_known.items()):
        let_go(one)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_let_go)
