"""Whether the library libp2p is here, and new enough. Imports neither it nor trio."""

from __future__ import annotations

import re
from importlib import metadata

from bitboot_core import BackendUnavailable

MINIMUM = (0, 8)
"""The oldest release with all that is used of it."""

HINT = 'pip install "libp2p>=0.8,<0.9" (it builds a C library: see docs/libp2p.md)'


def missing() -> str | None:
    """Why the library cannot be used here, None where it can."""
    try:
        version = metadata.version("libp2p")
    except metadata.PackageNotFoundError:
        return "the package libp2p is not installed"
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers < MINIMUM:
        return f"the package libp2p is too old: {version}, where 0.8 is needed"
    return None


def require() -> None:
    """Raises BackendUnavailable, which says what to install, where the library cannot be used."""
    reason = missing()
    if reason is not None:
        raise BackendUnavailable(reason, hint=HINT)
