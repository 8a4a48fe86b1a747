"""What the scripts beside this file tell whoever runs them: a line a step, and how long it took.

All of it goes to stderr: stdout belongs to the command that is run in the end.
"""

import contextlib
import sys
import time
from collections.abc import Iterator


def say(line: str) -> None:
    """Print a line."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(what: str) -> "Iterator[None]":
    """Say what is about to be done and, once the block is done, how long it took."""
    say(f"{what} ...")
    began = time.monotonic()
    yield
    say(f"  done in {time.monotonic() - began:.1f} s")
