"""Libraries that only some parts need, imported when these are used: an error says what to install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import LibraryMissing


@contextmanager
def needed(library: str, extra: str, what: str) -> Iterator[None]:
    """Import `library` in here. Where it is not installed, LibraryMissing says that `what` needs it."""
    try:
        yield
    except ImportError as error:
        raise LibraryMissing(
            f"{what} need the library {library}: {error}", hint=f'pip install "bitboot-core[{extra}]"'
        ) from error
