"""The end of the streams that backends give."""

from __future__ import annotations

from typing import Any


async def close_stream(stream: Any) -> None:
    """Close a stream, where it can be closed: the garbage collector would finalise it at any time."""
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
    elif hasattr(stream, "close"):
        stream.close()  # a coroutine, from a `lookup` that should have been a generator
